// SPDX-License-Identifier: Apache-2.0
// What the demonstration is played with: an authority, a token, keys generated on it, certificates for them.
#pragma once

#include "testkit/authority/authority.hpp"
#include "testkit/authority/scratch.hpp"
#include "sluice/context.hpp"

#include <memory>
#include <string>
#include <vector>

namespace sluice::tool {

// A key that was generated on the token, and its certificate.
struct token_site {
  std::string name;   // "P-256"
  std::string label;  // "p256"
  std::string uri;    // of the key, with the way to its PIN
  std::string chain;
  bool stays_in_token = false;  // sensitive and not extractable, by the token's own word
};

class stage {
 public:
  stage();  // throws sluice::error
  ~stage() { clear(); }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  const std::vector<token_site>& sites() const noexcept { return sites_; }
  const testkit::issued& site_in_memory() const noexcept { return in_memory_; }
  const std::string& ca_file() const noexcept { return ca_file_; }
  const std::string& module_path() const noexcept { return token_->module_path(); }

  // A client that trusts the authority and offers h2 and http/1.1; a server for `site`, asked with `module` or else
  // with the token's own.
  context client(version_range versions = {}) const;
  context server(const token_site& site, const std::string& module = {}) const;
  context server_in_memory() const;

  std::string write(const std::string& name, const std::string& text) const;
  // Removes every file that was made; true when nothing is left of them.
  bool clear() noexcept;

 private:
  testkit::authority root_;
  std::unique_ptr<testkit::scratch_token> token_;
  std::vector<token_site> sites_;
  testkit::issued in_memory_;
  std::string ca_file_;
};

}  // namespace sluice::tool
