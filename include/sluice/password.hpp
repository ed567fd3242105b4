// SPDX-License-Identifier: Apache-2.0
// Sources of the password of an encrypted key or of a PKCS#12 file.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <functional>
#include <string>

namespace sluice {
inline namespace v0 {

// The question that a password_source answers.
struct password_request {
  std::string where;  // the encrypted object: "site.p12", "private key in memory"
};

// Called once for each encrypted object, on the thread that loads it; it may block. An empty secret means that there is
// no password; a PKCS#12 file is then tried with the empty password. If the function fails, loading fails with its
// failure.
using password_source = std::function<result<secret>(const password_request&)>;

password_source password_from(secret password);               // the same password for every object
password_source password_from_file(std::string path);         // reads the first line of the file when it is called
password_source password_from_environment(std::string name);  // reads the first line of the variable when it is called

}  // namespace v0
}  // namespace sluice
