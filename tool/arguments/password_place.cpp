// SPDX-License-Identifier: Apache-2.0
#include "arguments/password_place.hpp"

#include <cstdlib>

namespace sluice::tool {

password_source password_of(const std::string& password_file) {
  if (!password_file.empty()) return password_from_file(password_file);
  if (std::getenv(password_variable) != nullptr) return password_from_environment(password_variable);
  return {};
}

failure with_password_remedy(failure error, const std::string& password_file) {
  if (error.code == make_error_code(errc::password_needed)) {
    error.remedy = password_file.empty() ? std::string("give --password-file FILE, or set ") + password_variable
                                         : "write the password into the first line of " + password_file;
  } else if (error.code == make_error_code(errc::wrong_password)) {
    error.remedy = "look at the first line of " + password_file;
    if (password_file.empty()) error.remedy = std::string("look at the variable ") + password_variable;
  }
  return error;
}

}  // namespace sluice::tool
