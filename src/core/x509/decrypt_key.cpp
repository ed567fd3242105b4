// SPDX-License-Identifier: Apache-2.0
#include "core/x509/decrypt_key.hpp"

#include "core/x509/key_match.hpp"
#include "core/x509/password_error.hpp"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/pkcs8.h>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

// PKCS#8 has no check of the password but the padding of the cipher and the form of what comes out. A wrong password
// and a damaged file cannot be distinguished, which is what the failure reports.
result<pem_object> unlock_pkcs8(const pem_object& key, const std::string& where, const secret& password) {
  CBS input;
  CBS_init(&input, reinterpret_cast<const uint8_t*>(key.der.data()), key.der.size());
  ERR_clear_error();
  const pkey_handle opened(PKCS8_parse_encrypted_private_key(&input, password.view().data(), password.size()));
  if (opened) return as_pkcs8(opened.get(), where);
  if (take_unlock_error() == unlock_error::algorithm) return unsupported_encryption(where);
  return wrong_password(where);
}

int give_password(char* buffer, int room, int, void* user) {
  const auto text = static_cast<const secret*>(user)->view();
  // Cut off, it would be another password.
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
    if (take_unlock_error() == unlock_error::algorithm) return unsupported_encryption(where);
    return make_failure(errc::bad_pem, where, "the headers of the encrypted key cannot be read");
  }
  auto size = static_cast<long>(key.der.size());
  auto* data = reinterpret_cast<unsigned char*>(key.der.data());
  bool is_good = PEM_do_header(&cipher, data, &size, give_password, &password) == 1;
  if (is_good) {
    // Decryption is done in place and makes it shorter: the end of the buffer is left over from before.
    OPENSSL_cleanse(key.der.data() + size, key.der.size() - static_cast<std::size_t>(size));
    key.der.resize(static_cast<std::size_t>(size));
    key.headers.clear();
    is_good = is_private_key(key);
  }
  ERR_clear_error();
  if (!is_good) return wrong_password(where);
  return key;
}

}  // namespace

// AWS-LC cannot write an RSA-PSS key.
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

result<pem_object> completed(const pem_object& key, const std::string& where) {
  const auto parsed = parse_private_key(key);
  if (!parsed) return make_failure(errc::bad_pem, where, "the " + key.label + " object is not a private key in DER");
  return as_pkcs8(parsed.get(), where);
}

result<pem_object> unlock(pem_object key, const std::string& where, const password_source& source) {
  if (!key.is_encrypted()) return key;
  auto password = ask_password(source, where);
  if (!password) return password.error();
  if (password->empty()) return password_needed(where, "the key is encrypted");
  // Which of the two it is, the form says: only a traditional key has headers, only PKCS#8 has the encryption inside.
  if (key.headers.empty()) return unlock_pkcs8(key, where, *password);
  return unlock_traditional(std::move(key), where, std::move(*password));
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
