// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/cryptoki.hpp"

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// What an operator can do about the answers that mean something to one.
std::string remedy_for(CK_RV rv) {
  switch (rv) {
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INCORRECT: return "correct the PIN; it is not sent again, so as not to lock the token";
    case CKR_PIN_LOCKED: return "have the token's security officer unlock the PIN";
    case CKR_PIN_EXPIRED: return "change the PIN with the token's own tool";
    case CKR_USER_NOT_LOGGED_IN: return "give a PIN: pin-source in the URI, a PIN file or SLUICE_PIN";
    case CKR_USER_PIN_NOT_INITIALIZED: return "set a user PIN on the token";
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_DEVICE_REMOVED: return "insert the token, or start the service behind it; it is probed meanwhile";
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
      return "`sluice token doctor` shows which TLS versions and signatures this token can do";
    case CKR_KEY_FUNCTION_NOT_PERMITTED: return "create the key with CKA_SIGN true";
    case CKR_SESSION_COUNT: return "close other users of the token, or use fewer sessions";
    default: return {};
  }
}

}  // namespace

error_code ckr_code(CK_RV rv) noexcept { return {static_cast<int>(rv), pkcs11_category()}; }
std::string ckr_text(CK_RV rv) { return code_name(ckr_code(rv)); }

failure ckr_failure(CK_RV rv, std::string_view where, std::string_view detail) {
  return make_failure(ckr_code(rv), where, detail, remedy_for(rv));
}

failure initialize_failure(CK_RV rv, const std::string& path, bool has_parameters) {
  auto error = ckr_failure(rv, path, "C_Initialize");
  if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) return error;
  const bool is_nss = path.find("softokn") != path.npos;
  const bool is_softhsm = path.find("softhsm") != path.npos;
  const std::string parameters = is_nss || rv == CKR_ARGUMENTS_BAD
                                     ? "; a module that takes parameters in pReserved, such as NSS softokn, is given "
                                       "them with --module-parameters or module_options::reserved"
                                     : "";
  error.remedy = "look at the module's own configuration, and at the service behind it" +
                 std::string(is_softhsm ? "; SoftHSM's is in the file that SOFTHSM2_CONF names" : "") +
                 (has_parameters ? "; look at the parameters it was given as well" : parameters);
  return error;
}

bool is_session_lost(CK_RV rv) {
  return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_OPERATION_ACTIVE ||
         rv == CKR_OPERATION_NOT_INITIALIZED;
}

bool is_handle_lost(CK_RV rv) { return rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID; }

bool is_token_down(CK_RV rv) {
  return rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_DEVICE_ERROR || rv == CKR_GENERAL_ERROR ||
         rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_TOKEN_NOT_RECOGNIZED || rv == CKR_SLOT_ID_INVALID ||
         rv == CKR_DEVICE_MEMORY;
}

bool is_of_request(CK_RV rv) {
  switch (rv) {
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_SIZE_RANGE:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_DOMAIN_PARAMS_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED: return true;
    default: return false;
  }
}

bool is_of_pin(CK_RV rv) {
  switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_EXPIRED:
    case CKR_PIN_LOCKED:
    case CKR_USER_PIN_NOT_INITIALIZED:
    case CKR_CANCEL:
    case CKR_FUNCTION_CANCELED: return true;  // the last two by the user at the PIN pad
    default: return false;
  }
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
