// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/session.hpp"

#include "pkcs11/cryptoki.hpp"

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// Room for the first call, so that a signature takes one round trip and not two: asking for the length is a call of its
// own.
constexpr std::size_t largest_signature = 1024;  // RSA-8192
constexpr std::size_t max_objects = 1'000'000;   // no token holds as many
// What a module says beyond is its mistake: it would have us take memory without end, or read what is not ours.
constexpr CK_ULONG largest_output = 64 * 1024;
constexpr CK_ULONG largest_attribute = 4 * 1024 * 1024;

unsigned char* raw(der::view bytes) { return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data())); }

struct hash_mechanisms {
  CK_MECHANISM_TYPE hash;
  CK_RSA_PKCS_MGF_TYPE mgf;
};

hash_mechanisms mechanisms_for(digest_kind kind) {
  switch (kind) {
    case digest_kind::md5_sha1: break;
    case digest_kind::sha1: return {CKM_SHA_1, CKG_MGF1_SHA1};
    case digest_kind::sha224: return {CKM_SHA224, CKG_MGF1_SHA224};
    case digest_kind::sha256: return {CKM_SHA256, CKG_MGF1_SHA256};
    case digest_kind::sha384: return {CKM_SHA384, CKG_MGF1_SHA384};
    case digest_kind::sha512: return {CKM_SHA512, CKG_MGF1_SHA512};
  }
  return {};
}

// Calls `function(out, &size)`; grows `out` once if the token asks for it. A senseless size is CKR_BUFFER_TOO_SMALL.
template <class Call>
CK_RV with_output(der::bytes& out, std::size_t room, Call function) {
  out.resize(room);
  CK_ULONG size = out.size();
  auto rv = function(raw(out), &size);
  if (rv == CKR_BUFFER_TOO_SMALL && size <= largest_output) {
    out.resize(size);
    rv = function(raw(out), &size);
  }
  // A module that writes more than there is room for has done so already; but nobody is to read what is not there.
  if (rv == CKR_OK && size > out.size()) rv = CKR_BUFFER_TOO_SMALL;
  out.resize(rv == CKR_OK ? size : 0);
  return rv;
}

}  // namespace

CK_RV session::open(CK_SLOT_ID slot, bool is_read_write) {
  const CK_FLAGS flags = CKF_SERIAL_SESSION | (is_read_write ? CKF_RW_SESSION : 0);
  return lib_.call(&CK_FUNCTION_LIST::C_OpenSession, slot, flags, nullptr, nullptr, &handle_);
}

void session::close() noexcept {
  if (is_open()) lib_.call(&CK_FUNCTION_LIST::C_CloseSession, handle_);
  forget();
}

bool session::is_user() const {
  CK_SESSION_INFO info{};
  if (lib_.call(&CK_FUNCTION_LIST::C_GetSessionInfo, handle_, &info) != CKR_OK) return true;  // it will say so itself
  return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
}

CK_RV session::login(CK_USER_TYPE who, std::optional<std::string_view> pin) const {
  auto* text = pin ? reinterpret_cast<unsigned char*>(const_cast<char*>(pin->data())) : nullptr;
  return lib_.call(&CK_FUNCTION_LIST::C_Login, handle_, who, text, CK_ULONG{pin ? pin->size() : 0});
}

CK_RV session::find(const object_search& wanted, std::vector<CK_OBJECT_HANDLE>& found) const {
  auto type = wanted.type;
  std::array<CK_ATTRIBUTE, 3> query{{{CKA_CLASS, &type, sizeof type}}};
  CK_ULONG count = 1;
  if (wanted.label) query[count++] = {CKA_LABEL, const_cast<char*>(wanted.label->data()), wanted.label->size()};
  if (wanted.id) query[count++] = {CKA_ID, const_cast<std::byte*>(wanted.id->data()), wanted.id->size()};
  auto rv = lib_.call(&CK_FUNCTION_LIST::C_FindObjectsInit, handle_, query.data(), count);
  if (rv != CKR_OK) return rv;
  found.clear();
  std::array<CK_OBJECT_HANDLE, 64> some{};
  for (CK_ULONG n = 1; rv == CKR_OK && n > 0;) {
    n = 0;
    rv = lib_.call(&CK_FUNCTION_LIST::C_FindObjects, handle_, some.data(), CK_ULONG{some.size()}, &n);
    // More than there was room for, or no end of them: the module does not count as it should.
    if (rv == CKR_OK && (n > some.size() || found.size() > max_objects)) rv = CKR_GENERAL_ERROR;
    if (rv == CKR_OK) found.insert(found.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
  }
  // Also after a failure: a search that is not ended keeps the session from every other one.
  const auto ended = lib_.call(&CK_FUNCTION_LIST::C_FindObjectsFinal, handle_);
  if (rv == CKR_OK) rv = ended;
  if (rv != CKR_OK) found.clear();
  return rv;
}

CK_RV session::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, der::bytes& value) const {
  CK_ATTRIBUTE attribute{type, nullptr, 0};
  auto rv = lib_.call(&CK_FUNCTION_LIST::C_GetAttributeValue, handle_, object, &attribute, CK_ULONG{1});
  if (rv != CKR_OK) return rv;
  if (attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION) return CKR_ATTRIBUTE_TYPE_INVALID;
  if (attribute.ulValueLen > largest_attribute) return CKR_ATTRIBUTE_VALUE_INVALID;
  value.resize(attribute.ulValueLen);
  // Asked in two calls, so the value may have grown in between: what the module then writes is checked against the
  // room.
  attribute.pValue = value.data();
  rv = lib_.call(&CK_FUNCTION_LIST::C_GetAttributeValue, handle_, object, &attribute, CK_ULONG{1});
  if (rv == CKR_OK && attribute.ulValueLen > value.size()) rv = CKR_ATTRIBUTE_VALUE_INVALID;
  value.resize(rv == CKR_OK ? attribute.ulValueLen : 0);
  return rv;
}

token_answer answer_of(CK_RV rv) {
  if (rv != CKR_OK) return ckr_code(rv);
  return der::bytes();
}

// C_SignInit begins an operation of the session, and only C_Sign ends it; a length that was too small leaves it active,
// so that C_Sign can be called again (PKCS#11 v2.40 §5.2). Where the PIN in between fails, the operation is left
// behind: the next C_SignInit of this session then answers CKR_OPERATION_ACTIVE, and the recovery opens another
// session.
CK_RV session::sign_raw(CK_OBJECT_HANDLE key, CK_MECHANISM& mechanism, der::view input,
                        const authenticate_once& authenticate, der::bytes& out) const {
  auto rv = lib_.call(&CK_FUNCTION_LIST::C_SignInit, handle_, &mechanism, key);
  if (rv == CKR_OK && authenticate) rv = authenticate(*this);
  if (rv != CKR_OK) return rv;
  return with_output(out, largest_signature, [&](unsigned char* to, CK_ULONG* size) {
    return lib_.call(&CK_FUNCTION_LIST::C_Sign, handle_, raw(input), CK_ULONG{input.size()}, to, size);
  });
}

token_answer session::sign(CK_OBJECT_HANDLE key, const key_kind& of_key, const sign_request& request,
                           const authenticate_once& authenticate) const {
  const auto digest = request.digest();
  const auto hash = digest_of(request.scheme);
  if (digest.empty() || digest.size() != digest_size(hash)) return ckr_code(CKR_DATA_LEN_RANGE);
  const auto kind = kind_of(request.scheme);
  if (of_key.type != (kind == signature_kind::ecdsa ? CKK_ECDSA : CKK_RSA)) return ckr_code(CKR_KEY_TYPE_INCONSISTENT);

  der::bytes made;
  const auto sign_as = [&](CK_MECHANISM mechanism, der::view input) {
    return sign_raw(key, mechanism, input, authenticate, made);
  };
  CK_RV rv = CKR_OK;
  if (kind == signature_kind::ecdsa) {
    // FIPS 186-5 §6.4.1: TLS 1.2 may ask a P-256 key for SHA-512. These orders are whole bytes, but for P-521's, which
    // no digest fills.
    const auto most = of_key.order_size == 0 ? digest.size() : std::min(digest.size(), of_key.order_size);
    rv = sign_as({CKM_ECDSA, nullptr, 0}, digest.first(most));
  } else if (kind == signature_kind::rsa_pss) {
    const auto [hash_mechanism, mgf] = mechanisms_for(hash);
    CK_RSA_PKCS_PSS_PARAMS parameters{hash_mechanism, mgf, digest.size()};
    rv = sign_as({CKM_RSA_PKCS_PSS, &parameters, sizeof parameters}, digest);
  } else {
    rv = sign_as({CKM_RSA_PKCS, nullptr, 0}, der::digest_info(hash, digest));
  }
  if (rv != CKR_OK) return ckr_code(rv);
  if (kind == signature_kind::ecdsa) made = der::ecdsa_signature(made).value_or(der::bytes());
  if (made.empty()) return make_error_code(errc::encoding_error);
  return made;
}

CK_RV session::decrypt(CK_OBJECT_HANDLE key, CK_KEY_TYPE type, der::view ciphertext,
                       const authenticate_once& authenticate, der::bytes& plaintext) const {
  if (ciphertext.empty()) return CKR_ENCRYPTED_DATA_LEN_RANGE;
  if (type != CKK_RSA) return CKR_KEY_TYPE_INCONSISTENT;
  CK_MECHANISM mechanism{CKM_RSA_PKCS, nullptr, 0};
  auto rv = lib_.call(&CK_FUNCTION_LIST::C_DecryptInit, handle_, &mechanism, key);
  if (rv == CKR_OK && authenticate) rv = authenticate(*this);
  if (rv != CKR_OK) return rv;
  return with_output(plaintext, ciphertext.size(), [&](unsigned char* to, CK_ULONG* size) {
    return lib_.call(&CK_FUNCTION_LIST::C_Decrypt, handle_, raw(ciphertext), CK_ULONG{ciphertext.size()}, to, size);
  });
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
