// SPDX-License-Identifier: Apache-2.0
// The authorities of the lab's certificates, and where slow keys are kept.
#pragma once

#include "testkit/authority/authority.hpp"
#include "testkit/authority/scratch.hpp"
#include "testkit/peers/case.hpp"
#include "testkit/peers/old_tls.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::testkit::peers {

// Certificates of a run. Not thread-safe: peers are made one after another, before a client connects.
class world {
 public:
  world();

  const testkit::authority& root() const noexcept { return root_; }          // whom clients trust
  const testkit::authority& stranger() const noexcept { return stranger_; }  // whom they do not
  const testkit::authority& middle() const noexcept { return middle_; }      // the root's intermediate
  const testkit::scratch_folder& folder() const noexcept { return folder_; }

  // A key of this type, the same one every time. RSA above 2048 bits is kept on disk between runs, in a folder that is
  // this user's alone ($XDG_CACHE_HOME/sluice/lab), since it takes seconds to make.
  const testkit::local_key& key(const std::string& type);

  // A certificate for "localhost" and 127.0.0.1 unless the options name others.
  testkit::issued issue(const testkit::leaf_options& options = {}, const std::string& key_type = "ec256");
  testkit::issued issue_by(const testkit::authority& issuer, const testkit::leaf_options& options,
                           const std::string& key_type = "ec256");

  // Started when it is first asked for.
  const old_tls_server& old_tls();

  // A key in a SoftHSM token, by its URI, and its certificates. Made when it is first asked for.
  struct key_in_token {
    std::string uri, chain;
  };
  const key_in_token& token_site();

 private:
  testkit::scratch_folder folder_;
  testkit::authority root_, stranger_, middle_;
  std::map<std::string, testkit::local_key> keys_;
  std::optional<old_tls_server> old_tls_;
  std::unique_ptr<testkit::scratch_token> token_;
  key_in_token token_site_;
};

// Options of a certificate that is as it should be.
testkit::leaf_options good_leaf();

// A server context's options, without blinding.
server_options serving(const testkit::issued& site);
context server_context(const server_options& options);

// A TLS server: a handshake, a request read, an answer, close_notify.
peer tls_peer(const testkit::issued& site, std::string server_name = "localhost");
peer tls_peer(const server_options& options, std::string server_name = "localhost");

// The same, gone to by a client that allows this.
peer allowing(peer p, bool allowances::*what);

}  // namespace sluice::testkit::peers
