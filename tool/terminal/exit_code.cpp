// SPDX-License-Identifier: Apache-2.0
#include "terminal/exit_code.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice::tool {
namespace {

struct category_row {
  std::string_view category;
  exit_code code;
};
constexpr std::array of_categories = {
    category_row{"resolve", exit_resolve}, category_row{"connect", exit_connect},
    category_row{"tls", exit_handshake},   category_row{"certificate", exit_certificate},
    category_row{"config", exit_usage},    category_row{"requirement", exit_requirement},
    category_row{"pkcs11", exit_key},
};

// Where a cause has another code than the rest of its category.
struct cause_row {
  errc cause;
  exit_code code;
};
constexpr std::array of_causes = {
    cause_row{errc::timed_out, exit_timeout},      cause_row{errc::cancelled, exit_interrupted},
    cause_row{errc::internal, exit_internal},      cause_row{errc::out_of_memory, exit_internal},
    cause_row{errc::name_mismatch, exit_name},     cause_row{errc::expired, exit_validity},
    cause_row{errc::not_yet_valid, exit_validity}, cause_row{errc::ocsp_invalid, exit_revocation},
    cause_row{errc::revoked, exit_revocation},     cause_row{errc::revocation_unknown, exit_revocation},
    cause_row{errc::key_unavailable, exit_key},    cause_row{errc::key_refused, exit_key},
    cause_row{errc::key_timed_out, exit_key},      cause_row{errc::signature_mismatch, exit_key},
};

}  // namespace

exit_code exit_code_of(errc cause) noexcept {
  const auto of_cause = std::ranges::find(of_causes, cause, &cause_row::cause);
  if (of_cause != of_causes.end()) return of_cause->code;
  failure error;
  error.code = make_error_code(cause);
  const auto of_category = std::ranges::find(of_categories, error.category(), &category_row::category);
  return of_category != of_categories.end() ? of_category->code : exit_internal;
}

exit_code exit_code_of(const failure& error) noexcept {
  const auto cause = cause_of(error.code);
  if (error.category() == "pkcs11") return exit_key;
  if (cause == errc::connection_reset && error.category() == "connect") return exit_connect;
  if (cause == errc::too_many_descriptors && error.category() == "resolve") return exit_resolve;
  return exit_code_of(cause);
}

}  // namespace sluice::tool
