// SPDX-License-Identifier: Apache-2.0
// libsluice-faulty-pkcs11.so: a PKCS#11 v2.40 module that forwards to a real one and fails as its script asks.
#include "faults.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

// What stands around a call into the target is laid out as a block.
// clang-format off
namespace sluice::faulty {
namespace {

faults& f() { return faults::instance(); }

template <class First, class...>
struct first_of {
  using type = First;
};

// The plain case: forwarded as it is, once the session is one that still exists. Every function whose first
// parameter is a CK_SESSION_HANDLE is marked by its name's absence from `without_session`.
template <auto Member>
struct forward;

template <class... Args, CK_RV (*CK_FUNCTION_LIST::*Member)(Args...)>
struct forward<Member> {
  static inline const char* name = "";
  static CK_RV plain(Args... args) {
    return f().around(name, [&] { return (f().target()->*Member)(args...); });
  }
  static CK_RV in_session(Args... args) {
    return f().around(name, [&]() -> CK_RV {
      const CK_SESSION_HANDLE session = first(args...);
      if (const auto rv = f().session_trouble(session)) return *rv;
      return (f().target()->*Member)(args...);
    }, first(args...));
  }
  static CK_SESSION_HANDLE first(CK_SESSION_HANDLE session, ...) { return session; }
};

// Object handles among the arguments, at those places: as the target knows them. With `gives_object` the last argument
// is where the target puts one, and callers get theirs.
template <auto Member, bool gives_object, std::size_t... places>
struct forward_objects;

template <class... Args, CK_RV (*CK_FUNCTION_LIST::*Member)(Args...), bool gives_object, std::size_t... places>
struct forward_objects<Member, gives_object, places...> {
  static inline const char* name = "";
  static CK_RV call(Args... args) {
    return f().around(name, [&]() -> CK_RV {
      auto all = std::tuple(args...);
      if (const auto rv = f().session_trouble(std::get<0>(all))) return *rv;
      [[maybe_unused]] const auto is_known = [](CK_OBJECT_HANDLE object) {
        return object == CK_INVALID_HANDLE || f().is_current(object);
      };
      if (!(is_known(std::get<places>(all)) && ...)) return CKR_OBJECT_HANDLE_INVALID;
      ((std::get<places>(all) = faults::to_target(std::get<places>(all))), ...);
      const auto rv = std::apply(f().target()->*Member, all);
      if constexpr (gives_object) {
        auto* made = std::get<sizeof...(Args) - 1>(all);
        if (rv == CKR_OK) *made = f().to_caller(*made);
      }
      return rv;
    }, std::get<0>(std::tuple(args...)));
  }
};

// --- The functions that do more than forward. ---

CK_RV initialize(void* args) {
  if (const auto rv = f().load(); rv != CKR_OK) return rv;
  const auto s = f().now();
  return f().around("C_Initialize", [&]() -> CK_RV {
    const auto* given = static_cast<CK_C_INITIALIZE_ARGS*>(args);
    if (s->knows_no_arguments && given != nullptr) return CKR_ARGUMENTS_BAD;
    if (s->is_single_threaded && given != nullptr && (given->flags & CKF_OS_LOCKING_OK) != 0) return CKR_CANT_LOCK;
    return f().target()->C_Initialize(args);
  });
}

CK_RV finalize(void* reserved) {
  return f().around("C_Finalize", [&] {
    const auto rv = f().target()->C_Finalize(reserved);
    if (rv == CKR_OK) f().forget_everything();
    return rv;
  });
}

CK_RV get_slot_list(unsigned char token_present, CK_SLOT_ID* slots, CK_ULONG* count) {
  return f().around("C_GetSlotList", [&]() -> CK_RV {
    if (f().now()->unplugged && token_present != 0) {
      *count = 0;
      return CKR_OK;
    }
    return f().target()->C_GetSlotList(token_present, slots, count);
  });
}

CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
  return f().around("C_GetTokenInfo", [&]() -> CK_RV {
    if (f().now()->unplugged) return CKR_TOKEN_NOT_PRESENT;
    const auto rv = f().target()->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK) f().adjust(*info);
    return rv;
  });
}

CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE* types, CK_ULONG* count) {
  return f().around("C_GetMechanismList", [&]() -> CK_RV {
    const auto s = f().now();
    CK_ULONG n = 0;
    auto rv = f().target()->C_GetMechanismList(slot, nullptr, &n);
    std::vector<CK_MECHANISM_TYPE> all(n);
    if (rv == CKR_OK) rv = f().target()->C_GetMechanismList(slot, all.data(), &n);
    if (rv != CKR_OK) return rv;
    std::erase_if(all, [&](auto type) { return std::ranges::count(s->without, type) > 0; });
    const bool is_too_small = types != nullptr && *count < all.size();
    *count = all.size();
    if (types == nullptr) return CKR_OK;
    if (is_too_small) return CKR_BUFFER_TOO_SMALL;
    std::ranges::copy(all, types);
    return CKR_OK;
  });
}

CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
  return f().around("C_OpenSession", [&] { return f().open_session(slot, flags, application, notify, session); });
}

CK_RV close_session(CK_SESSION_HANDLE session) {
  return f().around("C_CloseSession", [&] { return f().close_session(session); }, session);
}

CK_RV close_all_sessions(CK_SLOT_ID slot) {
  return f().around("C_CloseAllSessions", [&] { return f().close_all_sessions(slot); });
}

CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE who, unsigned char* pin, CK_ULONG size) {
  return f().around("C_Login", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    return f().login(session, who, pin, size);
  }, session);
}

CK_RV find_objects_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE* query, CK_ULONG count) {
  return f().around("C_FindObjectsInit", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    const auto s = f().now();
    std::vector<CK_ATTRIBUTE> changed(query, query + count);
    std::string label;
    CK_OBJECT_CLASS nothing = CKO_VENDOR_DEFINED;
    for (auto& attribute : changed) {
      if (attribute.type == CKA_LABEL) {
        const auto found =
            s->replaced.find(std::string(static_cast<const char*>(attribute.pValue), attribute.ulValueLen));
        if (found == s->replaced.end()) continue;
        label = found->second;
        attribute.pValue = label.data();
        attribute.ulValueLen = label.size();
      }
      const bool is_class = attribute.type == CKA_CLASS && attribute.ulValueLen == sizeof(CK_OBJECT_CLASS);
      if (is_class && s->has_no_public_objects && *static_cast<CK_OBJECT_CLASS*>(attribute.pValue) != CKO_PRIVATE_KEY) {
        attribute.pValue = &nothing;
      }
    }
    return f().target()->C_FindObjectsInit(session, changed.data(), count);
  }, session);
}

CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* found, CK_ULONG most, CK_ULONG* count) {
  return f().around("C_FindObjects", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    const auto rv = f().target()->C_FindObjects(session, found, most, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < *count; ++i) found[i] = f().to_caller(found[i]);
    return rv;
  }, session);
}

CK_RV get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                          CK_ULONG count) {
  return f().around("C_GetAttributeValue", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(object)) return CKR_OBJECT_HANDLE_INVALID;
    const auto rv = f().target()->C_GetAttributeValue(session, faults::to_target(object), attributes, count);
    for (CK_ULONG i = 0; i < count; ++i) {
      auto& a = attributes[i];
      if (a.type == CKA_ALWAYS_AUTHENTICATE && a.pValue != nullptr && a.ulValueLen == 1) {
        *static_cast<CK_BBOOL*>(a.pValue) = f().now()->always_authenticate ? CK_TRUE : CK_FALSE;
      }
    }
    return rv;
  }, session);
}

CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return f().around("C_SignInit", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(key)) return CKR_KEY_HANDLE_INVALID;
    if (std::ranges::count(f().now()->without, mechanism->mechanism) > 0) return CKR_MECHANISM_INVALID;
    f().sign_begun(session);
    return f().target()->C_SignInit(session, mechanism, faults::to_target(key));
  }, session);
}

CK_RV sign(CK_SESSION_HANDLE session, unsigned char* data, CK_ULONG size, unsigned char* signature, CK_ULONG* length) {
  return f().around("C_Sign", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (const auto rv = f().sign_allowed(session); rv != CKR_OK) return rv;
    const auto s = f().now();
    const auto rv = f().target()->C_Sign(session, data, size, signature, length);
    if (s->longest_input != 0 && size > s->longest_input) return CKR_DATA_LEN_RANGE;
    if (rv == CKR_OK && signature != nullptr && s->signature == "odd") --*length;
    if (rv == CKR_OK && signature != nullptr && s->signature == "empty") *length = 0;
    return rv;
  }, session);
}

CK_RV decrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return f().around("C_DecryptInit", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(key)) return CKR_KEY_HANDLE_INVALID;
    if (std::ranges::count(f().now()->without, mechanism->mechanism) > 0) return CKR_MECHANISM_INVALID;
    return f().target()->C_DecryptInit(session, mechanism, faults::to_target(key));
  }, session);
}

CK_RV verify_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return f().around("C_VerifyInit", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(key)) return CKR_KEY_HANDLE_INVALID;
    return f().target()->C_VerifyInit(session, mechanism, faults::to_target(key));
  }, session);
}

CK_RV encrypt_init(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
  return f().around("C_EncryptInit", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(key)) return CKR_KEY_HANDLE_INVALID;
    return f().target()->C_EncryptInit(session, mechanism, faults::to_target(key));
  }, session);
}

CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
  return f().around("C_DestroyObject", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    if (!f().is_current(object)) return CKR_OBJECT_HANDLE_INVALID;
    return f().target()->C_DestroyObject(session, faults::to_target(object));
  }, session);
}

CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE* attributes, CK_ULONG count, CK_OBJECT_HANDLE* object) {
  return f().around("C_CreateObject", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    const auto rv = f().target()->C_CreateObject(session, attributes, count, object);
    if (rv == CKR_OK) *object = f().to_caller(*object);
    return rv;
  }, session);
}

CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* pub, CK_ULONG pub_count,
                        CK_ATTRIBUTE* priv, CK_ULONG priv_count, CK_OBJECT_HANDLE* pub_key,
                        CK_OBJECT_HANDLE* priv_key) {
  return f().around("C_GenerateKeyPair", [&]() -> CK_RV {
    if (const auto rv = f().session_trouble(session)) return *rv;
    const auto rv =
        f().target()->C_GenerateKeyPair(session, mechanism, pub, pub_count, priv, priv_count, pub_key, priv_key);
    if (rv != CKR_OK) return rv;
    *pub_key = f().to_caller(*pub_key);
    *priv_key = f().to_caller(*priv_key);
    return rv;
  }, session);
}

CK_RV get_function_list(CK_FUNCTION_LIST** list);

#define SLUICE_PLAIN(list, function)                                   \
  forward<&CK_FUNCTION_LIST::function>::name = #function;              \
  (list).function = forward<&CK_FUNCTION_LIST::function>::plain
#define SLUICE_IN_SESSION(list, function)                              \
  forward<&CK_FUNCTION_LIST::function>::name = #function;              \
  (list).function = forward<&CK_FUNCTION_LIST::function>::in_session

void fill_plain(CK_FUNCTION_LIST& list) {
  SLUICE_PLAIN(list, C_GetInfo);
  SLUICE_PLAIN(list, C_GetSlotInfo);
  SLUICE_PLAIN(list, C_GetMechanismInfo);
  SLUICE_PLAIN(list, C_InitToken);
  SLUICE_PLAIN(list, C_WaitForSlotEvent);
}

void fill_in_session(CK_FUNCTION_LIST& list) {
  SLUICE_IN_SESSION(list, C_InitPIN);
  SLUICE_IN_SESSION(list, C_SetPIN);
  SLUICE_IN_SESSION(list, C_GetSessionInfo);
  SLUICE_IN_SESSION(list, C_GetOperationState);
  SLUICE_IN_SESSION(list, C_Logout);
  SLUICE_IN_SESSION(list, C_FindObjectsFinal);
  SLUICE_IN_SESSION(list, C_Encrypt);
  SLUICE_IN_SESSION(list, C_EncryptUpdate);
  SLUICE_IN_SESSION(list, C_EncryptFinal);
  SLUICE_IN_SESSION(list, C_Decrypt);
  SLUICE_IN_SESSION(list, C_DecryptUpdate);
  SLUICE_IN_SESSION(list, C_DecryptFinal);
  SLUICE_IN_SESSION(list, C_DigestInit);
  SLUICE_IN_SESSION(list, C_Digest);
  SLUICE_IN_SESSION(list, C_DigestUpdate);
  SLUICE_IN_SESSION(list, C_DigestFinal);
  SLUICE_IN_SESSION(list, C_SignUpdate);
  SLUICE_IN_SESSION(list, C_SignFinal);
  SLUICE_IN_SESSION(list, C_SignRecover);
  SLUICE_IN_SESSION(list, C_Verify);
  SLUICE_IN_SESSION(list, C_VerifyUpdate);
  SLUICE_IN_SESSION(list, C_VerifyFinal);
  SLUICE_IN_SESSION(list, C_VerifyRecover);
  SLUICE_IN_SESSION(list, C_DigestEncryptUpdate);
  SLUICE_IN_SESSION(list, C_DecryptDigestUpdate);
  SLUICE_IN_SESSION(list, C_SignEncryptUpdate);
  SLUICE_IN_SESSION(list, C_DecryptVerifyUpdate);
  SLUICE_IN_SESSION(list, C_SeedRandom);
  SLUICE_IN_SESSION(list, C_GenerateRandom);
  SLUICE_IN_SESSION(list, C_GetFunctionStatus);
  SLUICE_IN_SESSION(list, C_CancelFunction);
}

#define SLUICE_WITH_OBJECTS(list, function, ...)                                       \
  forward_objects<&CK_FUNCTION_LIST::function, __VA_ARGS__>::name = #function;         \
  (list).function = forward_objects<&CK_FUNCTION_LIST::function, __VA_ARGS__>::call

void fill_with_objects(CK_FUNCTION_LIST& list) {
  SLUICE_WITH_OBJECTS(list, C_CopyObject, true, 1);
  SLUICE_WITH_OBJECTS(list, C_GetObjectSize, false, 1);
  SLUICE_WITH_OBJECTS(list, C_SetAttributeValue, false, 1);
  SLUICE_WITH_OBJECTS(list, C_SetOperationState, false, 3, 4);
  SLUICE_WITH_OBJECTS(list, C_DigestKey, false, 1);
  SLUICE_WITH_OBJECTS(list, C_SignRecoverInit, false, 2);
  SLUICE_WITH_OBJECTS(list, C_VerifyRecoverInit, false, 2);
  SLUICE_WITH_OBJECTS(list, C_GenerateKey, true);
  SLUICE_WITH_OBJECTS(list, C_WrapKey, false, 2, 3);
  SLUICE_WITH_OBJECTS(list, C_UnwrapKey, true, 2);
  SLUICE_WITH_OBJECTS(list, C_DeriveKey, true, 2);
}
#undef SLUICE_PLAIN
#undef SLUICE_IN_SESSION
#undef SLUICE_WITH_OBJECTS

void fill_special(CK_FUNCTION_LIST& list) {
  list.C_Initialize = initialize;
  list.C_Finalize = finalize;
  list.C_GetFunctionList = get_function_list;
  list.C_GetSlotList = get_slot_list;
  list.C_GetTokenInfo = get_token_info;
  list.C_GetMechanismList = get_mechanism_list;
  list.C_OpenSession = open_session;
  list.C_CloseSession = close_session;
  list.C_CloseAllSessions = close_all_sessions;
  list.C_Login = login;
  list.C_FindObjectsInit = find_objects_init;
  list.C_FindObjects = find_objects;
  list.C_GetAttributeValue = get_attribute_value;
  list.C_SignInit = sign_init;
  list.C_Sign = sign;
  list.C_DecryptInit = decrypt_init;
  list.C_VerifyInit = verify_init;
  list.C_EncryptInit = encrypt_init;
  list.C_CreateObject = create_object;
  list.C_DestroyObject = destroy_object;
  list.C_GenerateKeyPair = generate_key_pair;
}

CK_RV get_function_list(CK_FUNCTION_LIST** out) {
  static CK_FUNCTION_LIST list = [] {
    CK_FUNCTION_LIST made{};
    made.version = {2, 40};
    fill_plain(made);
    fill_in_session(made);
    fill_with_objects(made);
    fill_special(made);
    return made;
  }();
  if (out == nullptr) return CKR_ARGUMENTS_BAD;
  if (const auto rv = f().load(); rv != CKR_OK) return rv;
  list.version = f().now()->version.value_or(CK_VERSION{2, 40});
  *out = &list;
  return CKR_OK;
}

}  // namespace
}  // namespace sluice::faulty

extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  return sluice::faulty::get_function_list(list);
}
