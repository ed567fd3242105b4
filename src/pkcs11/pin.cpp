// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/pin.hpp"

#include "core/base/files.hpp"
#include "pkcs11/cryptoki.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

pin_source pin_from_file(std::string path) {
  // Read at each login and not kept: a PIN that was changed in the file is used without a restart.
  return [path = std::move(path)](const pin_request&) { return secret::from_file(path); };
}

pin_source pin_from_environment(std::string name) {
  return [name = std::move(name)](const pin_request& request) -> result<secret> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return make_failure(errc::pin_required, "token \"" + request.token + "\"",
                          "the environment variable " + name + " is not set");
    }
    return secret(sluice::internal::first_line(value).value_or(value));
  };
}

result<pin_source> pin_from_uri_source(const std::string& source) {
  if (source.starts_with("file:")) {
    auto path = source.substr(5);
    // RFC 8089: a host may stand before the path, and must be this one.
    if (path.starts_with("//")) {
      const auto slash = std::min(path.find('/', 2), path.size());
      const auto host = path.substr(2, slash - 2);
      if (slash == path.size() || (!host.empty() && host != "localhost")) {
        return make_failure(errc::bad_uri, "pin-source=" + source, "\"" + host + "\" is not this machine",
                            "write file:/PATH");
      }
      path.erase(0, slash);
    }
    if (path.empty())
      return make_failure(errc::bad_uri, "pin-source=" + source, "it names no file", "write file:/PATH");
    return pin_from_file(std::move(path));
  }
  if (source.starts_with('/')) return pin_from_file(source);
  if (source.starts_with("env:")) return pin_from_environment(source.substr(4));
  return make_failure(errc::bad_uri, "pin-source=" + source, "not a way of getting a PIN that is known here",
                      "use file:PATH or env:NAME");
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
