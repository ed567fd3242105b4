// SPDX-License-Identifier: Apache-2.0
#include "core/x509/decrypt_key.hpp"

#include "core/base/error_tables.hpp"
#include "core/x509/key_match.hpp"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>
#include <openssl/stack.h>

#include <algorithm>
#include <array>

namespace sluice::inline v0::internal {
namespace {

constexpr auto wrong_words = "it does not open the key, or the file is damaged";

failure needed(const std::string& where, std::string detail) {
  return make_failure(errc::password_needed, where, std::move(detail),
                      "give its password, or an unencrypted copy (`openssl pkey` writes one)");
}

failure wrong(const std::string& where, std::string detail = wrong_words) {
  return make_failure(errc::wrong_password, where, std::move(detail), "give the password it was encrypted with");
}

failure unsupported(const std::string& where) {
  return make_failure(errc::unsupported_key, where, "it is encrypted in a way that AWS-LC does not know",
                      "encrypt it again with PBES2, AES and HMAC-SHA-256: `openssl pkcs8 -topk8 -v2 aes-256-cbc`, "
                      "or `openssl pkcs12 -export`");
}

// What AWS-LC complained of; empties its queue.
enum class complaint { password, algorithm, other };

complaint read_complaint() {
  constexpr std::array algorithms = {PKCS8_R_UNKNOWN_ALGORITHM,
                                     PKCS8_R_UNKNOWN_CIPHER,
                                     PKCS8_R_UNKNOWN_CIPHER_ALGORITHM,
                                     PKCS8_R_UNKNOWN_DIGEST,
                                     PKCS8_R_UNKNOWN_HASH,
                                     PKCS8_R_UNSUPPORTED_KEYLENGTH,
                                     PKCS8_R_UNSUPPORTED_SALT_TYPE,
                                     PKCS8_R_UNSUPPORTED_CIPHER,
                                     PKCS8_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION,
                                     PKCS8_R_UNSUPPORTED_PRF,
                                     PKCS8_R_PKCS12_PUBLIC_KEY_INTEGRITY_NOT_SUPPORTED};
  auto found = complaint::other;
  while (const auto packed = ERR_get_error()) {
    const int library = ERR_GET_LIB(packed), reason = ERR_GET_REASON(packed);
    const bool is_pkcs = library == ERR_LIB_PKCS8 || library == ERR_LIB_PKCS12;
    if (is_pkcs && (reason == PKCS8_R_INCORRECT_PASSWORD || reason == PKCS8_R_INVALID_CHARACTERS)) {
      found = complaint::password;
    } else if ((is_pkcs && std::ranges::find(algorithms, reason) != algorithms.end()) ||
               (library == ERR_LIB_DIGEST && reason == DIGEST_R_UNKNOWN_HASH) ||
               (library == ERR_LIB_PEM && reason == PEM_R_UNSUPPORTED_ENCRYPTION)) {
      found = complaint::algorithm;
    }
  }
  return found;
}

result<secret> ask(const password_source& source, const std::string& where) {
  if (!source) return secret();
  return source({.where = where});
}

// PKCS#8, not encrypted. AWS-LC cannot write an RSA-PSS key.
result<pem_object> as_pkcs8(const EVP_PKEY* key, const std::string& where) {
  bssl::ScopedCBB out;
  if (CBB_init(out.get(), 2048) != 1 || EVP_marshal_private_key(out.get(), key) != 1 || CBB_flush(out.get()) != 1) {
    ERR_clear_error();
    return make_failure(errc::unsupported_key, where, "the key in it is of a type that cannot be unlocked",
                        "give it unencrypted (`openssl pkey` writes such a copy)");
  }
  pem_object made;
  made.label = "PRIVATE KEY";
  const auto* bytes = reinterpret_cast<const std::byte*>(CBB_data(out.get()));
  made.der.assign(bytes, bytes + CBB_len(out.get()));
  return made;
}

result<pem_object> unlock_pkcs8(const pem_object& key, const std::string& where, const secret& password) {
  CBS input;
  CBS_init(&input, reinterpret_cast<const uint8_t*>(key.der.data()), key.der.size());
  ERR_clear_error();
  const pkey_handle opened(PKCS8_parse_encrypted_private_key(&input, password.view().data(), password.size()));
  if (opened) return as_pkcs8(opened.get(), where);
  if (read_complaint() == complaint::algorithm) return unsupported(where);
  return wrong(where);
}

int give_password(char* buffer, int room, int, void* user) {
  const auto text = static_cast<const secret*>(user)->view();
  if (text.size() > static_cast<std::size_t>(room)) return -1;
  text.copy(buffer, text.size());
  return static_cast<int>(text.size());
}

// RFC 1421 headers name the cipher; MD5 makes its key of the password. There is no check beyond the padding, so the
// result must be looked at.
result<pem_object> unlock_traditional(pem_object key, const std::string& where, secret password) {
  EVP_CIPHER_INFO cipher{};
  ERR_clear_error();
  if (PEM_get_EVP_CIPHER_INFO(key.headers.data(), &cipher) != 1) {
    if (read_complaint() == complaint::algorithm) return unsupported(where);
    return make_failure(errc::bad_pem, where, "the headers of the encrypted key cannot be read");
  }
  auto size = static_cast<long>(key.der.size());
  auto* data = reinterpret_cast<unsigned char*>(key.der.data());
  bool is_good = PEM_do_header(&cipher, data, &size, give_password, &password) == 1;
  if (is_good) {
    OPENSSL_cleanse(key.der.data() + size, key.der.size() - static_cast<std::size_t>(size));
    key.der.resize(static_cast<std::size_t>(size));
    key.headers.clear();
    is_good = is_private_key(key);
  }
  ERR_clear_error();
  if (!is_good) return wrong(where);
  return key;
}

using certificates_handle = bssl::UniquePtr<STACK_OF(X509)>;

result<pkcs12_bag> contents_of(const EVP_PKEY* key, const STACK_OF(X509) * stack, const std::string& where) {
  pkcs12_bag bag;
  if (key != nullptr) {
    auto made = as_pkcs8(key, where);
    if (!made) return made.error();
    bag.key = std::move(*made);
  }
  const auto total = sk_X509_num(stack);
  for (std::size_t i = 0; i < total; ++i) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(sk_X509_value(stack, i), &der);
    const bssl::UniquePtr<unsigned char> owned(der);
    auto one = certificate::from_der(std::as_bytes(std::span(der, static_cast<std::size_t>(std::max(size, 0)))),
                                     where + ": certificate " + std::to_string(i + 1) + " of " + std::to_string(total));
    if (!one) return make_failure(errc::bad_der, one.error().where, one.error().detail);
    bag.certificates.push_back(std::move(*one));
  }
  return bag;
}

}  // namespace

result<pem_object> completed(const pem_object& key, const std::string& where) {
  const auto parsed = parse_private_key(key);
  if (!parsed) return make_failure(errc::bad_pem, where, "the " + key.label + " object is not a private key in DER");
  return as_pkcs8(parsed.get(), where);
}

result<pem_object> unlock(pem_object key, const std::string& where, const password_source& source) {
  if (!key.is_encrypted()) return key;
  auto password = ask(source, where);
  if (!password) return password.error();
  if (password->empty()) return needed(where, "the key is encrypted");
  if (key.headers.empty()) return unlock_pkcs8(key, where, *password);
  return unlock_traditional(std::move(key), where, std::move(*password));
}

result<pkcs12_bag> open_pkcs12(std::string_view bytes, const std::string& where, const password_source& source) {
  auto password = ask(source, where);
  if (!password) return password.error();
  // AWS-LC reads up to a NUL, and would take what comes before it for the whole.
  if (password->view().find('\0') != std::string_view::npos) return wrong(where, "it contains a NUL");
  std::vector<char> text(password->size() + 1, '\0');
  password->view().copy(text.data(), password->size());

  const certificates_handle certificates(sk_X509_new_null());
  EVP_PKEY* raw = nullptr;
  CBS input;
  CBS_init(&input, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  ERR_clear_error();
  const bool is_open = PKCS12_get_key_and_certs(&raw, certificates.get(), &input, text.data()) == 1;
  const pkey_handle key(raw);
  OPENSSL_cleanse(text.data(), text.size());
  if (is_open) return contents_of(key.get(), certificates.get(), where);
  switch (read_complaint()) {
    case complaint::password:
      if (password->empty()) return needed(where, "it is encrypted");
      return wrong(where, "it cannot be opened with this password");
    case complaint::algorithm: return unsupported(where);
    case complaint::other: break;
  }
  return make_failure(errc::bad_der, where, "it is not a PKCS#12 file that AWS-LC can read, or it is damaged",
                      "write it again with `openssl pkcs12 -export`");
}

}  // namespace sluice::inline v0::internal
