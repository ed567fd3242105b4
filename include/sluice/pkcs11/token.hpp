// SPDX-License-Identifier: Apache-2.0
// The administration of a token: listing its objects, and storing, generating and removing keys and certificates.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/pkcs11/module.hpp"
#include "sluice/pkcs11/pin.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The keys that can be generated: ECDSA over P-256, P-384 and P-521, and RSA with the exponent 65537.
enum class key_type : std::uint8_t { ec256, ec384, ec521, rsa2048, rsa3072, rsa4096 };
std::string_view to_string(key_type type) noexcept;                     // "ec256"
std::optional<key_type> key_type_from(std::string_view text) noexcept;  // the same names, in lower case only

// A private key on a token, as its attributes describe it. An attribute that the token does not report is false or
// empty.
struct key_info {
  std::string uri, label, type;       // the URI of the object; CKA_LABEL; "EC P-256", "RSA 2048"
  std::vector<std::byte> id;          // CKA_ID; may be empty
  std::vector<std::byte> public_key;  // SubjectPublicKeyInfo; empty if the token does not provide it
  bool can_sign = false;              // CKA_SIGN
  bool can_decrypt = false;           // CKA_DECRYPT
  bool is_local = false;              // generated on the token
  bool is_extractable = false;        // CKA_EXTRACTABLE: the key can leave the token
  bool is_sensitive = false;          // CKA_SENSITIVE: not in plaintext, at least
  bool always_authenticate = false;   // CKA_ALWAYS_AUTHENTICATE: each signature needs the PIN
};

// The state of a token that is in use.
struct token_status {
  token_info info;            // as of the time of the call
  bool is_logged_in = false;  // as the token reports it; other programs may change it at any time
};

// A certificate object on a token.
struct certificate_info {
  std::string uri, label;                   // the URI of the object; CKA_LABEL
  std::vector<std::byte> id;                // CKA_ID; may be empty
  std::vector<sluice::certificate> parsed;  // one certificate, or none if it cannot be parsed
};

// The numbers of a private key, big-endian, for import into a token. RSA: n e d p q dp dq qinv. EC: the curve's DER
// parameters, the private scalar and the point 0x04‖X‖Y. The private numbers are wiped when the object is destroyed.
struct key_numbers {
  ~key_numbers();
  bool is_rsa = false;                                       // which of the two lines below is set
  std::vector<std::byte> n, e, d, p, q, dp, dq, qinv;        // RSA
  std::vector<std::byte> ec_parameters, ec_value, ec_point;  // EC
};

// The certificate of a key.
struct chosen_certificate {
  std::vector<sluice::certificate> chain;     // the certificate, followed by its issuers in order
  std::string uri;                            // the URI of the certificate
  std::vector<certificate_info> passed_over;  // other certificates of the same key that the URI matches
};

// The options of token::open().
struct token_options {
  std::string module_path;     // if empty, module-path or else module-name of the URI
  module_options module;       // as of key_options
  pin_source pin;              // if empty, pin-value or else pin-source of the URI
  bool is_read_write = false;  // needed to generate, import and remove objects
  bool logs_in = true;         // false: use public objects only, without a PIN
};

// A token with a session of its own, which is closed with the object. One thread at a time may use it; every call
// blocks.
class token {
 public:
  // Finds the token and, if there is a PIN or the token has a PIN pad, logs in, unless this process has logged in
  // already.
  static result<token> open(std::string_view uri, const token_options& options = {});
  // A token that was moved from may only be destroyed or assigned to.
  token(token&&) noexcept;
  token& operator=(token&&) noexcept;  // closes the session of the one that is assigned to
  ~token();

  const token_info& info() const noexcept;  // as of the time when the token was opened
  bool is_logged_in() const noexcept;       // when the token was opened; all sessions of a process share the login
  bool has_logged_in() const noexcept;      // this object has logged in
  bool has_used_pin() const noexcept;  // it logged in with the PIN, which is correct therefore, and not by a PIN pad

  // Returns the token's present state; the error is the CKR if the token was removed, or has closed the session.
  result<token_status> status() const;

  // Returns the private keys that the session sees: without a login, most tokens show none. The order is that of the
  // token.
  result<std::vector<key_info>> keys() const;
  // Returns every certificate that the session sees, those that cannot be parsed too.
  result<std::vector<certificate_info>> certificates() const;

  // Returns the certificate that matches the URI's object and id. If several match, it takes those of the key with the
  // given SubjectPublicKeyInfo, and of them the valid one that expires last. The issuers follow in order, from `others`
  // and from the token, without the root; the chain ends where an issuer cannot be found. Errors: errc::no_certificate,
  // which lists the certificates of the token; and key_ambiguous, if no public key is given and the certificates are of
  // different keys.
  result<chosen_certificate> choose_certificate(const uri& wanted, std::span<const std::byte> public_key,
                                                std::span<const sluice::certificate> others = {}) const;
  // The same, if the public key is unknown.
  result<std::vector<sluice::certificate>> chain(const uri& wanted,
                                                 std::span<const sluice::certificate> others = {}) const;

  // Returns the URIs of the private keys with that label and, unless it is empty, that id.
  result<std::vector<std::string>> find_keys(const std::string& label, std::span<const std::byte> id = {}) const;

  // Generates a key pair on the token: sensitive, not extractable, for signing. Returns the URI of the private key.
  result<std::string> generate_key(key_type type, const std::string& label, std::span<const std::byte> id);
  // Imports a key, if one is given, and a certificate with its issuers. If one of them fails, those that were imported
  // before are removed again, and the error names those that could not be removed. The labels of issuers are
  // "LABEL issuer 1" and so on.
  result<std::string> import_objects(const key_numbers* key, std::span<const sluice::certificate> chain,
                                     const std::string& label, std::span<const std::byte> id);
  // Imports a key alone, sensitive and not extractable, with its public key. Returns the URI of the private key.
  result<std::string> import_key(const key_numbers& numbers, const std::string& label, std::span<const std::byte> id);
  // Imports one certificate. Returns its URI.
  result<std::string> import_certificate(const sluice::certificate& cert, const std::string& label,
                                         std::span<const std::byte> id);
  // Removes the private key, the public key and the certificate with that label and id.
  result<std::size_t> remove(const std::string& label, std::span<const std::byte> id);

  struct state;

 private:
  explicit token(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

// Initialises the first uninitialised token of a module, with that label, of at most 32 bytes, and a user PIN.
result<token_info> initialize_token(const module& m, const std::string& label, std::string_view so_pin,
                                    std::string_view user_pin);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
