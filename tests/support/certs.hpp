// SPDX-License-Identifier: Apache-2.0
// One authority a test process, and what is usually wanted of it. Everything is made at test time.
#pragma once

#include "testkit/authority/authority.hpp"
#include "testkit/authority/scratch.hpp"
#include "sluice/context.hpp"

#include <memory>
#include <string>

namespace sluice::test {

const testkit::authority& root();                                    // EC P-256, "Test Root"
const testkit::issued& site(const std::string& key_type = "ec256");  // for localhost, 127.0.0.1 and ::1; cached by type
const testkit::issued& device();                                     // a client certificate, "device-7", no host name
trust trust_root();
identity site_identity(const std::string& key_type = "ec256");

// A verifying client and a server that fit each other.
context client_context(client_options options = {});
context server_context(server_options options = {});

const testkit::scratch_folder& folder();

// A SoftHSM token, one a process, and keys on it with certificates of root()'s.
const testkit::scratch_token& token();
struct token_identity {
  std::string key_uri;
  std::string chain;
};
const token_identity& token_site(const std::string& key_type = "ec256");  // generated on the token

}  // namespace sluice::test
