// SPDX-License-Identifier: Apache-2.0
// Where a token's PIN comes from.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <functional>
#include <string>

namespace sluice::inline v0::pkcs11 {

struct pin_request {
  std::string token;            // its label
  bool is_for_one_signature = false;  // CKA_ALWAYS_AUTHENTICATE
};

// Asked when a login is needed, on a worker thread; it may block. An empty secret means there is no PIN to be had.
using pin_source = std::function<result<secret>(const pin_request&)>;

pin_source pin_from_file(std::string path);         // its first line, read at each login
pin_source pin_from_environment(std::string name);  // likewise
// pin-source of a URI: "file:/path", "file:///path", "file://localhost/path", "/path", "env:NAME".
result<pin_source> pin_from_uri_source(const std::string& source);

}  // namespace sluice::inline v0::pkcs11
