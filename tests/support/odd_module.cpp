// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module in front of SoftHSM that is well, and odd as modules in use are: flags that are not set, one object
// a call, points written otherwise. SLUICE_ODD says how, with commas between; it is read at each call.
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool is_odd(std::string_view how) {
  std::string_view all = setting("SLUICE_ODD");
  while (!all.empty()) {
    const auto end = std::min(all.find(','), all.size());
    if (all.substr(0, end) == how) return true;
    all.remove_prefix(std::min(end + 1, all.size()));
  }
  return false;
}

CK_FUNCTION_LIST* real() {
  static CK_FUNCTION_LIST* const list = [] {
    CK_FUNCTION_LIST* made = nullptr;
    void* handle = dlopen(setting("SLUICE_ODD_TARGET"), RTLD_NOW | RTLD_LOCAL);
    const auto get = handle ? reinterpret_cast<CK_C_GetFunctionList>(dlsym(handle, "C_GetFunctionList")) : nullptr;
    if (get != nullptr) get(&made);
    return made;
  }();
  return list;
}

CK_RV initialize(void* args) {
  if (is_odd("print")) std::puts("a module that says hello");
  CK_C_INITIALIZE_ARGS plain{};
  if (args != nullptr) plain = *static_cast<CK_C_INITIALIZE_ARGS*>(args);
  const auto* given = static_cast<const char*>(plain.pReserved);
  const bool is_told = given != nullptr && std::string_view(given) == "configdir=here";
  if (is_odd("parameters") && !is_told) return CKR_ARGUMENTS_BAD;
  if (is_odd("misconfigured")) return CKR_GENERAL_ERROR;
  plain.pReserved = nullptr;
  return real()->C_Initialize(args != nullptr ? &plain : nullptr);
}

CK_RV get_info(CK_INFO* info) {
  const auto rv = real()->C_GetInfo(info);
  if (rv == CKR_OK && is_odd("old_info")) info->cryptokiVersion = {2, 10};
  if (rv == CKR_OK && is_odd("no_info")) info->cryptokiVersion = {0, 0};
  return rv;
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  const auto rv = real()->C_GetTokenInfo(slot, info);
  if (rv != CKR_OK) return rv;
  const auto without = [info](CK_FLAGS flag) { info->flags &= ~flag; };
  if (is_odd("not_initialised")) without(CKF_TOKEN_INITIALIZED);
  if (is_odd("no_pin_set")) without(CKF_USER_PIN_INITIALIZED);
  if (is_odd("no_login")) without(CKF_LOGIN_REQUIRED);
  if (is_odd("pad") || is_odd("no_pad")) info->flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
  if (is_odd("counts")) info->ulMaxSessionCount = info->ulMaxRwSessionCount = info->ulSessionCount = ~CK_ULONG{1};
  return rv;
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, unsigned char* pin, CK_ULONG size) {
  if (who == CKU_USER) std::fprintf(stderr, "odd: login with %s\n", pin ? "a PIN" : "the pad");
  if (!is_odd("pad") || who != CKU_USER) return real()->C_Login(session, who, pin, size);
  if (pin != nullptr) return CKR_ARGUMENTS_BAD;
  const char* typed = setting("SLUICE_ODD_PIN");
  return real()->C_Login(session, who, reinterpret_cast<unsigned char*>(const_cast<char*>(typed)), std::strlen(typed));
}

CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* found, CK_ULONG most, CK_ULONG* count) {
  return real()->C_FindObjects(session, found, is_odd("one_object") ? std::min<CK_ULONG>(most, 1) : most, count);
}

// CKA_EC_POINT as SoftHSM has it is an OCTET STRING around 04 X Y.
std::vector<unsigned char> written_otherwise(const std::vector<unsigned char>& point) {
  std::vector<unsigned char> bare(point.begin() + 2, point.end());
  const auto wrapped = [](unsigned char tag, std::vector<unsigned char> content) {
    content.insert(content.begin(), {tag, static_cast<unsigned char>(content.size())});
    return content;
  };
  if (is_odd("bare_point")) return bare;
  if (is_odd("hybrid_point")) {
    auto hybrid = bare;
    hybrid.front() = static_cast<unsigned char>(6 + (bare.back() & 1));
    return wrapped(4, hybrid);
  }
  if (is_odd("compressed_point")) {
    const auto half = static_cast<std::ptrdiff_t>(bare.size() - 1) / 2;
    std::vector<unsigned char> compressed(bare.begin(), bare.begin() + 1 + half);
    compressed.front() = static_cast<unsigned char>(2 + (bare.back() & 1));
    return wrapped(4, compressed);
  }
  if (is_odd("senseless_point")) return {1, 2, 3};
  auto bits = bare;
  bits.insert(bits.begin(), 0);
  return wrapped(3, bits);
}

CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
  const bool is_changed = is_odd("bit_point") || is_odd("bare_point") || is_odd("compressed_point") ||
                          is_odd("hybrid_point") || is_odd("senseless_point");
  if (!is_changed || count != 1 || attributes->type != CKA_EC_POINT)
    return real()->C_GetAttributeValue(session, object, attributes, count);
  std::vector<unsigned char> point(300);
  CK_ATTRIBUTE whole{CKA_EC_POINT, point.data(), point.size()};
  if (const auto rv = real()->C_GetAttributeValue(session, object, &whole, 1); rv != CKR_OK) {
    attributes->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return rv;
  }
  point.resize(whole.ulValueLen);
  const auto written = written_otherwise(point);
  if (attributes->pValue != nullptr) std::ranges::copy(written, static_cast<unsigned char*>(attributes->pValue));
  attributes->ulValueLen = written.size();
  return CKR_OK;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  static CK_FUNCTION_LIST mine;
  if (real() == nullptr || list == nullptr) return CKR_GENERAL_ERROR;
  mine = *real();
  if (is_odd("old_list")) mine.version = {2, 1};
  mine.C_Initialize = initialize;
  mine.C_GetInfo = get_info;
  mine.C_GetTokenInfo = get_token_info;
  mine.C_Login = login;
  mine.C_FindObjects = find_objects;
  mine.C_GetAttributeValue = get_attribute_value;
  *list = &mine;
  return CKR_OK;
}
