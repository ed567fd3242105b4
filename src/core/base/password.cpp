// SPDX-License-Identifier: Apache-2.0
#include "sluice/password.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/files.hpp"

#include <cstdlib>
#include <memory>

namespace sluice {
inline namespace v0 {

password_source password_from(secret password) {
  return [shared = std::make_shared<const secret>(std::move(password))](const password_request&) -> result<secret> {
    return shared->clone();
  };
}

password_source password_from_file(std::string path) {
  return [path = std::move(path)](const password_request&) { return secret::from_file(path); };
}

password_source password_from_environment(std::string name) {
  return [name = std::move(name)](const password_request& request) -> result<secret> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return make_failure(errc::password_needed, request.where, "the environment variable " + name + " is not set");
    }
    return secret(internal::first_line(value).value_or(value));
  };
}

}  // namespace v0
}  // namespace sluice
