// SPDX-License-Identifier: Apache-2.0
// Who we are: a certificate chain and the private key that goes with it, checked to match.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/password.hpp"
#include "sluice/private_key.hpp"
#include "sluice/secret.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// Immutable and shareable; copies share the same chain and key. Any thread. Contexts keep what they use alive.
// One that was moved from is empty, and no context takes it (errc::invalid_argument).
class identity {
 public:
  // A chain and its key, each in any form, told by the first bytes; both may be in one file. The chain: PEM (leaf
  // first), one certificate in DER, or PKCS#12, whose certificates are put in order from the key's on. The key: PEM or
  // DER, of PKCS#8, PKCS#1 or SEC 1, encrypted or not (PKCS#8 with PBES1 or PBES2, PEM with RFC 1421 headers), or
  // PKCS#12. RSA and ECDSA over P-256, P-384 and P-521; anything else is errc::unsupported_key, since s2n-tls cannot
  // sign with it. `password` is asked for what is encrypted, and for nothing else.
  // Errors: file_not_found, file_unreadable, bad_pem, bad_der, no_certificate, no_private_key, password_needed,
  // wrong_password, unsupported_key, key_mismatch, and those of `password`; each names the file and the object in it.
  static result<identity> from_files(const std::string& chain_path, const std::string& key_path,
                                     const password_source& password = {});
  static result<identity> from_memory(std::string_view chain, std::string_view key,
                                      const password_source& password = {});
  // The same, and nothing but PEM.
  static result<identity> from_pem_files(const std::string& chain_path, const std::string& key_path,
                                         const password_source& password = {});
  static result<identity> from_pem(std::string_view chain, std::string_view key, const password_source& password = {});

  // A chain (in PEM, or in a file one certificate in DER) and a key that signs for itself. Fails with
  // errc::key_mismatch unless the key belongs to the leaf: its public half is compared, or one signature is made and
  // verified (at most `timeout`: this blocks).
  static result<identity> from_chain_file(const std::string& chain_path, std::shared_ptr<private_key> key,
                                          std::chrono::milliseconds timeout = std::chrono::seconds(10));
  static result<identity> from_chain(std::string_view chain, std::shared_ptr<private_key> key,
                                     std::chrono::milliseconds timeout = std::chrono::seconds(10));

  // The same identity with a DER OCSP response to staple (RFC 6066 §8); an empty one staples nothing.
  result<identity> with_ocsp_response(std::span<const std::byte> response) const;

  const std::vector<certificate>& chain() const noexcept;
  const certificate& leaf() const noexcept;
  const std::shared_ptr<private_key>& key() const noexcept;  // null when the key is in memory

  struct state;  // the library's own
  const std::shared_ptr<const state>& shared_state() const noexcept { return state_; }

 private:
  explicit identity(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  std::shared_ptr<const state> state_;
};

}  // namespace sluice::inline v0
