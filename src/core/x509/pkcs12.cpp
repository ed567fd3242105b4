// SPDX-License-Identifier: Apache-2.0
#include "core/x509/pkcs12.hpp"

#include "core/x509/decrypt_key.hpp"
#include "core/x509/password_error.hpp"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>
#include <openssl/stack.h>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

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

result<pkcs12_bag> open_pkcs12(std::string_view bytes, const std::string& where, const password_source& source) {
  auto password = ask_password(source, where);
  if (!password) return password.error();
  // AWS-LC reads up to a NUL, and would take what comes before it for the whole.
  if (password->view().find('\0') != std::string_view::npos) return wrong_password(where, "it contains a NUL");
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
  // Opened means that the MAC was right, so that the password was; what follows can only be the contents' fault.
  if (is_open) return contents_of(key.get(), certificates.get(), where);
  switch (take_unlock_error()) {
    case unlock_error::password:
      // The empty password was tried because some files have it; otherwise another one is needed.
      if (password->empty()) return password_needed(where, "it is encrypted");
      return wrong_password(where, "it cannot be opened with this password");
    case unlock_error::algorithm: return unsupported_encryption(where);
    case unlock_error::other: break;
  }
  return make_failure(errc::bad_der, where, "it is not a PKCS#12 file that AWS-LC can read, or it is damaged",
                      "write it again with `openssl pkcs12 -export`");
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
