// SPDX-License-Identifier: Apache-2.0
// The names of PKCS#11 return values (PKCS#11 v2.40 and v3.0), and which of our causes they stand for.
#include "core/base/error_tables.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

struct ckr_row {
  std::uint32_t value;
  const char* name;
  errc cause = errc::key_unavailable;
};

// clang-format off
constexpr std::array ckr_rows = {
    ckr_row{0x0000, "CKR_OK"},
    ckr_row{0x0001, "CKR_CANCEL"},
    ckr_row{0x0002, "CKR_HOST_MEMORY"},
    ckr_row{0x0003, "CKR_SLOT_ID_INVALID", errc::token_not_found},
    ckr_row{0x0005, "CKR_GENERAL_ERROR", errc::token_down},
    ckr_row{0x0006, "CKR_FUNCTION_FAILED"},
    ckr_row{0x0007, "CKR_ARGUMENTS_BAD"},
    ckr_row{0x0008, "CKR_NO_EVENT"},
    ckr_row{0x0009, "CKR_NEED_TO_CREATE_THREADS"},
    ckr_row{0x000a, "CKR_CANT_LOCK"},
    ckr_row{0x0010, "CKR_ATTRIBUTE_READ_ONLY"},
    ckr_row{0x0011, "CKR_ATTRIBUTE_SENSITIVE"},
    ckr_row{0x0012, "CKR_ATTRIBUTE_TYPE_INVALID"},
    ckr_row{0x0013, "CKR_ATTRIBUTE_VALUE_INVALID"},
    ckr_row{0x001b, "CKR_ACTION_PROHIBITED"},
    ckr_row{0x0020, "CKR_DATA_INVALID"},
    ckr_row{0x0021, "CKR_DATA_LEN_RANGE"},
    ckr_row{0x0030, "CKR_DEVICE_ERROR", errc::token_down},
    ckr_row{0x0031, "CKR_DEVICE_MEMORY"},
    ckr_row{0x0032, "CKR_DEVICE_REMOVED", errc::token_down},
    ckr_row{0x0040, "CKR_ENCRYPTED_DATA_INVALID"},
    ckr_row{0x0041, "CKR_ENCRYPTED_DATA_LEN_RANGE"},
    ckr_row{0x0050, "CKR_FUNCTION_CANCELED"},
    ckr_row{0x0051, "CKR_FUNCTION_NOT_PARALLEL"},
    ckr_row{0x0054, "CKR_FUNCTION_NOT_SUPPORTED"},
    ckr_row{0x0060, "CKR_KEY_HANDLE_INVALID", errc::key_not_found},
    ckr_row{0x0062, "CKR_KEY_SIZE_RANGE", errc::key_refused},
    ckr_row{0x0063, "CKR_KEY_TYPE_INCONSISTENT", errc::key_type_unsupported},
    ckr_row{0x0064, "CKR_KEY_NOT_NEEDED"},
    ckr_row{0x0065, "CKR_KEY_CHANGED"},
    ckr_row{0x0066, "CKR_KEY_NEEDED"},
    ckr_row{0x0067, "CKR_KEY_INDIGESTIBLE"},
    ckr_row{0x0068, "CKR_KEY_FUNCTION_NOT_PERMITTED", errc::key_refused},
    ckr_row{0x0069, "CKR_KEY_NOT_WRAPPABLE"},
    ckr_row{0x006a, "CKR_KEY_UNEXTRACTABLE"},
    ckr_row{0x0070, "CKR_MECHANISM_INVALID", errc::mechanism_unsupported},
    ckr_row{0x0071, "CKR_MECHANISM_PARAM_INVALID", errc::mechanism_unsupported},
    ckr_row{0x0082, "CKR_OBJECT_HANDLE_INVALID", errc::key_not_found},
    ckr_row{0x0090, "CKR_OPERATION_ACTIVE"},
    ckr_row{0x0091, "CKR_OPERATION_NOT_INITIALIZED"},
    ckr_row{0x00a0, "CKR_PIN_INCORRECT", errc::pin_known_bad},
    ckr_row{0x00a1, "CKR_PIN_INVALID"},
    ckr_row{0x00a2, "CKR_PIN_LEN_RANGE"},
    ckr_row{0x00a3, "CKR_PIN_EXPIRED"},
    ckr_row{0x00a4, "CKR_PIN_LOCKED"},
    ckr_row{0x00b0, "CKR_SESSION_CLOSED"},
    ckr_row{0x00b1, "CKR_SESSION_COUNT"},
    ckr_row{0x00b3, "CKR_SESSION_HANDLE_INVALID"},
    ckr_row{0x00b4, "CKR_SESSION_PARALLEL_NOT_SUPPORTED"},
    ckr_row{0x00b5, "CKR_SESSION_READ_ONLY"},
    ckr_row{0x00b6, "CKR_SESSION_EXISTS"},
    ckr_row{0x00b7, "CKR_SESSION_READ_ONLY_EXISTS"},
    ckr_row{0x00b8, "CKR_SESSION_READ_WRITE_SO_EXISTS"},
    ckr_row{0x00c0, "CKR_SIGNATURE_INVALID"},
    ckr_row{0x00c1, "CKR_SIGNATURE_LEN_RANGE"},
    ckr_row{0x00d0, "CKR_TEMPLATE_INCOMPLETE"},
    ckr_row{0x00d1, "CKR_TEMPLATE_INCONSISTENT"},
    ckr_row{0x00e0, "CKR_TOKEN_NOT_PRESENT", errc::token_down},
    ckr_row{0x00e1, "CKR_TOKEN_NOT_RECOGNIZED"},
    ckr_row{0x00e2, "CKR_TOKEN_WRITE_PROTECTED"},
    ckr_row{0x00f1, "CKR_UNWRAPPING_KEY_SIZE_RANGE"},
    ckr_row{0x00f2, "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT"},
    ckr_row{0x0100, "CKR_USER_ALREADY_LOGGED_IN"},
    ckr_row{0x0101, "CKR_USER_NOT_LOGGED_IN", errc::pin_required},
    ckr_row{0x0102, "CKR_USER_PIN_NOT_INITIALIZED"},
    ckr_row{0x0103, "CKR_USER_TYPE_INVALID"},
    ckr_row{0x0104, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN"},
    ckr_row{0x0105, "CKR_USER_TOO_MANY_TYPES"},
    ckr_row{0x0110, "CKR_WRAPPED_KEY_INVALID"},
    ckr_row{0x0112, "CKR_WRAPPED_KEY_LEN_RANGE"},
    ckr_row{0x0113, "CKR_WRAPPING_KEY_HANDLE_INVALID"},
    ckr_row{0x0114, "CKR_WRAPPING_KEY_SIZE_RANGE"},
    ckr_row{0x0115, "CKR_WRAPPING_KEY_TYPE_INCONSISTENT"},
    ckr_row{0x0120, "CKR_RANDOM_SEED_NOT_SUPPORTED"},
    ckr_row{0x0121, "CKR_RANDOM_NO_RNG"},
    ckr_row{0x0130, "CKR_DOMAIN_PARAMS_INVALID"},
    ckr_row{0x0140, "CKR_CURVE_NOT_SUPPORTED"},
    ckr_row{0x0150, "CKR_BUFFER_TOO_SMALL"},
    ckr_row{0x0160, "CKR_SAVED_STATE_INVALID"},
    ckr_row{0x0170, "CKR_INFORMATION_SENSITIVE"},
    ckr_row{0x0180, "CKR_STATE_UNSAVEABLE"},
    ckr_row{0x0190, "CKR_CRYPTOKI_NOT_INITIALIZED"},
    ckr_row{0x0191, "CKR_CRYPTOKI_ALREADY_INITIALIZED", errc::in_use},
    ckr_row{0x01a0, "CKR_MUTEX_BAD"},
    ckr_row{0x01a1, "CKR_MUTEX_NOT_LOCKED"},
    ckr_row{0x01b0, "CKR_NEW_PIN_MODE"},
    ckr_row{0x01b1, "CKR_NEXT_OTP"},
    ckr_row{0x01c0, "CKR_EXCEEDED_MAX_ITERATIONS"},
    ckr_row{0x01c1, "CKR_FIPS_SELF_TEST_FAILED"},
    ckr_row{0x01c2, "CKR_LIBRARY_LOAD_FAILED"},
    ckr_row{0x01c3, "CKR_PIN_TOO_WEAK"},
    ckr_row{0x01c4, "CKR_PUBLIC_KEY_INVALID"},
    ckr_row{0x0200, "CKR_FUNCTION_REJECTED"},
};
// clang-format on

const ckr_row* find(std::uint32_t value) noexcept {
  const auto row = std::ranges::find(ckr_rows, value, &ckr_row::value);
  return row != ckr_rows.end() ? &*row : nullptr;
}

}  // namespace

std::string ckr_name(std::uint32_t value) {
  if (const auto* row = find(value)) return row->name;
  char text[24];
  std::snprintf(text, sizeof text, "CKR_0x%08x", value);
  return text;
}

errc ckr_cause(std::uint32_t value) noexcept {
  const auto* row = find(value);
  return row ? row->cause : errc::key_unavailable;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
