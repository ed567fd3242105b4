// SPDX-License-Identifier: Apache-2.0
// Sources of a token's PIN.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <functional>
#include <string>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The question that a pin_source answers.
struct pin_request {
  std::string token;                  // the token's label
  bool is_for_one_signature = false;  // CKA_ALWAYS_AUTHENTICATE
};

// Called on a worker thread when a login is needed; it may block. An empty secret means that there is no PIN.
using pin_source = std::function<result<secret>(const pin_request&)>;

pin_source pin_from_file(std::string path);         // reads the first line of the file at each login
pin_source pin_from_environment(std::string name);  // reads the first line of the variable at each login
// Parses the pin-source of a URI: "file:/path", "file:///path", "file://localhost/path", "/path", "env:NAME".
result<pin_source> pin_from_uri_source(const std::string& source);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
