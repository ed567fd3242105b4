// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/module_choice.hpp"

#include "pkcs11/cryptoki.hpp"

#include <memory>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// A fixed PIN, kept for logging in again.
pin_source pin_from_value(const secret& value) {
  return [pin = std::make_shared<secret>(value.clone())](const pin_request&) -> result<secret> { return pin->clone(); };
}

}  // namespace

result<std::string> choose_module(const uri& u, const std::string& given) {
  if (!given.empty()) return module::find(given);
  if (!u.module_path.empty()) return u.module_path;
  if (!u.module_name.empty()) return module::find(u.module_name);
  return make_failure(errc::bad_uri, u.to_string(), "it does not say which module to load",
                      "add ?module-name=NAME or ?module-path=PATH, or pass the module's path");
}

result<pin_source> choose_pin(const uri& u, const pin_source& given) {
  if (given) return given;
  if (!u.pin_value.empty()) return pin_from_value(u.pin_value);
  if (!u.pin_source.empty()) return pin_from_uri_source(u.pin_source);
  return pin_source();
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
