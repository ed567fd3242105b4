// SPDX-License-Identifier: Apache-2.0
// SoftHSM behind the faulty module: a token that does wrong on request.
#pragma once

#include "testkit/authority/scratch.hpp"
#include "sluice/pkcs11/key.hpp"
#include "sluice/pkcs11/token.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::test {

// Make it before anything loads the faulty module in this process: the module reads its environment once.
class faulty_token {
 public:
  // `target`: what stands between the faulty module and SoftHSM, if anything does.
  explicit faulty_token(const std::string& target = {});
  ~faulty_token() { behave(); }

  void script(const std::string& toml) const;  // from the next call on
  void behave() const { script(""); }

  const testkit::scratch_token& real() const noexcept { return *real_; }
  static std::string module_path();
  std::string uri(const std::string& object, const std::string& pin_file = {}) const;
  // Generates a key on the token and opens it through the faulty module.
  std::string generate(const std::string& label, pkcs11::key_type type = pkcs11::key_type::ec256, char id = 1) const;
  std::shared_ptr<pkcs11::key> open(const std::string& label, const pkcs11::key_options& options = {}) const;
  // As the token counts them, whoever opened them.
  std::uint64_t open_sessions() const;

 private:
  std::unique_ptr<testkit::scratch_token> real_;
};

// Something to sign: 32 bytes that do not matter.
sign_request request_for(signature_scheme scheme);

}  // namespace sluice::test
