// SPDX-License-Identifier: Apache-2.0
// A token as an administrator sees it: what is on it, and putting keys and certificates there.
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

namespace sluice::inline v0::pkcs11 {

enum class key_type : std::uint8_t { ec256, ec384, ec521, rsa2048, rsa3072, rsa4096 };
std::string_view to_string(key_type type) noexcept;
std::optional<key_type> key_type_from(std::string_view text) noexcept;

struct key_info {
  std::string uri, label, type;  // type: "EC P-256", "RSA 2048"
  std::vector<std::byte> id;
  std::vector<std::byte> public_key;  // SubjectPublicKeyInfo; empty when the token does not tell
  bool can_sign = false;
  bool can_decrypt = false;
  bool is_local = false;  // born in the token
  bool is_extractable = false;
  bool is_sensitive = false;
  bool always_authenticate = false;
};

// What a token says while it is in use.
struct token_status {
  token_info info;
  bool is_logged_in = false;  // the token's own opinion, which may change behind our back
};

struct certificate_info {
  std::string uri, label;
  std::vector<std::byte> id;
  std::vector<sluice::certificate> parsed;  // one, or none when it does not parse
};

// The numbers of a private key, big-endian, to put into a token. RSA: n e d p q dp dq qinv. EC: the curve's DER
// parameters, the private scalar and the point 0x04‖X‖Y. Those that are private are wiped.
struct key_numbers {
  ~key_numbers();
  bool is_rsa = false;
  std::vector<std::byte> n, e, d, p, q, dp, dq, qinv;
  std::vector<std::byte> ec_parameters, ec_value, ec_point;
};

// The certificate that goes with a key.
struct chosen_certificate {
  std::vector<sluice::certificate> chain;     // after it whoever issued it, one by one
  std::string uri;                            // its own
  std::vector<certificate_info> passed_over;  // that were meant as well, and of the same key
};

struct token_options {
  std::string module_path;
  module_options module;
  pin_source pin;
  bool is_read_write = false;
  bool logs_in = true;  // false: what anybody may see, and nobody is asked for a PIN
};

// A session of its own, closed with it. One thread at a time; every call blocks.
class token {
 public:
  // Finds the token and, when there is a PIN or the token has a pad for it, logs in, unless somebody in this process
  // has.
  static result<token> open(std::string_view uri, const token_options& options = {});
  token(token&&) noexcept;
  token& operator=(token&&) noexcept;
  ~token();

  const token_info& info() const noexcept;  // as it was when the token was opened
  bool is_logged_in() const noexcept;
  bool has_logged_in() const noexcept;  // itself
  bool has_used_pin() const noexcept;   // for that, so that the PIN is known to be right; else it was the token's pad

  // The token as it is now; the CKR when it has gone, or has lost our session.
  result<token_status> status() const;

  result<std::vector<key_info>> keys() const;
  result<std::vector<certificate_info>> certificates() const;

  // The certificate that the URI's object and id mean: of several that are of the key whose SubjectPublicKeyInfo is
  // given, the one that is valid and lasts longest. After it whoever issued it, one by one, among `others` and on the
  // token; a root is left out, and what cannot be found ends the chain. errc::no_certificate lists those that are
  // there; key_ambiguous, without a public key, certificates of different keys.
  result<chosen_certificate> choose_certificate(const uri& wanted, std::span<const std::byte> public_key,
                                                std::span<const sluice::certificate> others = {}) const;
  // The same, where nothing is known of the key.
  result<std::vector<sluice::certificate>> chain(const uri& wanted,
                                                 std::span<const sluice::certificate> others = {}) const;

  // The private keys of that label and, unless it is empty, id.
  result<std::vector<std::string>> find_keys(const std::string& label, std::span<const std::byte> id = {}) const;

  // A key pair born in the token: sensitive, not extractable, for signing. Answers the private key's URI.
  result<std::string> generate_key(key_type type, const std::string& label, std::span<const std::byte> id);
  // A key, if there is one, and a certificate with its issuers: all of them, or on failure none; what could not be
  // removed again is named. The issuers' labels are "LABEL issuer 1" and so on.
  result<std::string> import_objects(const key_numbers* key, std::span<const sluice::certificate> chain,
                                     const std::string& label, std::span<const std::byte> id);
  result<std::string> import_key(const key_numbers& numbers, const std::string& label, std::span<const std::byte> id);
  result<std::string> import_certificate(const sluice::certificate& cert, const std::string& label,
                                         std::span<const std::byte> id);
  // Removes the private key, the public key and the certificate of that label and id.
  result<std::size_t> remove(const std::string& label, std::span<const std::byte> id);

  struct state;

 private:
  explicit token(std::unique_ptr<state> s) noexcept;
  std::unique_ptr<state> state_;
};

// Turns the first uninitialised token of a module into one of that label, of at most 32 bytes, with a user PIN.
result<token_info> initialize_token(const module& m, const std::string& label, std::string_view so_pin,
                                    std::string_view user_pin);

}  // namespace sluice::inline v0::pkcs11
