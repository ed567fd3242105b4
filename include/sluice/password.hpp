// SPDX-License-Identifier: Apache-2.0
// Where the password of an encrypted key or of a PKCS#12 file comes from.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <functional>
#include <string>

namespace sluice::inline v0 {

struct password_request {
  std::string where;  // what is locked: "site.p12", "private key in memory"
};

// Asked once for each thing that is locked, on the thread that loads it; it may block. An empty secret means there is
// no password to be had; a PKCS#12 file is then tried with the empty one. What it fails with is what loading fails
// with.
using password_source = std::function<result<secret>(const password_request&)>;

password_source password_from(secret password);               // the same for everything
password_source password_from_file(std::string path);         // its first line, read when it is asked for
password_source password_from_environment(std::string name);  // likewise

}  // namespace sluice::inline v0
