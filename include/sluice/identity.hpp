// SPDX-License-Identifier: Apache-2.0
// An identity: a certificate chain and its private key, checked to match.
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

namespace sluice {
inline namespace v0 {

namespace internal {
struct access;  // the library's own
}

// An identity is immutable; copies share the same chain and key. Any thread may use it. A context keeps its identities
// alive. An identity that was moved from is empty, and contexts reject it (errc::invalid_argument).
class identity {
 public:
  // Reads a chain and its key. Each may have any of the formats below, which are detected by the first bytes; both may
  // be in one file. The chain is PEM (leaf first), one certificate in DER, or PKCS#12, whose certificates are sorted,
  // beginning with the key's. The key is PKCS#8, PKCS#1 or SEC 1 in PEM or DER, encrypted or not (PKCS#8 with PBES1 or
  // PBES2, PEM with RFC 1421 headers), or PKCS#12. Supported keys are RSA, and ECDSA over P-256, P-384 and P-521;
  // others are errc::unsupported_key, because s2n-tls cannot sign with them. `password` is called for encrypted objects
  // only. Errors: file_not_found, file_unreadable, bad_pem, bad_der, no_certificate, no_private_key, password_needed,
  // wrong_password, unsupported_key, key_mismatch, and those of `password`; each names the file and the object in it.
  static result<identity> from_files(const std::string& chain_path, const std::string& key_path,
                                     const password_source& password = {});
  // The same for texts in memory. Nothing refers to them afterwards.
  static result<identity> from_memory(std::string_view chain, std::string_view key,
                                      const password_source& password = {});
  // The same for PEM only.
  static result<identity> from_pem_files(const std::string& chain_path, const std::string& key_path,
                                         const password_source& password = {});
  // The same for PEM in memory.
  static result<identity> from_pem(std::string_view chain, std::string_view key, const password_source& password = {});

  // Takes a chain (PEM, or a file with one certificate in DER) and a key that is kept outside the engine. It fails with
  // errc::key_mismatch unless the key is that of the leaf. To find out, it compares the key's public key, or, without
  // one, has a trial signature made and verifies it, which blocks for at most `timeout`.
  static result<identity> from_chain_file(const std::string& chain_path, std::shared_ptr<private_key> key,
                                          std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // The same for a chain in memory, in PEM.
  static result<identity> from_chain(std::string_view chain, std::shared_ptr<private_key> key,
                                     std::chrono::milliseconds timeout = std::chrono::seconds(10));

  // Returns the same identity with an OCSP response in DER to staple (RFC 6066 §8). An empty response staples nothing.
  result<identity> with_ocsp_response(std::span<const std::byte> response) const;

  // The certificates that are sent to a peer, leaf first. Never empty, except in an identity that was moved from.
  const std::vector<certificate>& chain() const noexcept;
  const certificate& leaf() const noexcept;                  // the first of chain(); its key is the private key
  const std::shared_ptr<private_key>& key() const noexcept;  // null when the key is in memory

  struct state;  // internal

 private:
  friend struct internal::access;
  explicit identity(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  std::shared_ptr<const state> state_;
};

}  // namespace v0
}  // namespace sluice
