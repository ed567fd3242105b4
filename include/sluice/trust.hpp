// SPDX-License-Identifier: Apache-2.0
// A trust store: the anchors at which a peer's certificate chain may end.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/password.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// The places of the system's trust store: the first file that exists is used, or else the first folder that contains a
// certificate. The defaults cover Debian, Red Hat, SUSE, Alpine and Android. If SSL_CERT_FILE or SSL_CERT_DIR (folders,
// separated by colons) is set and not empty, it is used instead, except in programs that run with the privileges of
// another user (set-uid, capabilities: secure_getenv(3)).
struct system_store_paths {
  std::vector<std::string> files;    // the first that exists is used, and must be valid
  std::vector<std::string> folders;  // if none of the files exists
  bool read_environment = true;      // SSL_CERT_FILE and SSL_CERT_DIR
  // Returns the places of the distributions named above, in this order of preference.
  static system_store_paths defaults();
};

// A trust store is immutable and is loaded as a whole when it is made: no file is opened during a handshake. Any thread
// may use it. A leaf certificate in the store is accepted as its own anchor, so that a certificate can be pinned.
class trust {
 public:
  // Loads the system's store. If no place has a certificate, the error is errc::trust_store_empty, with the places that
  // were tried.
  static result<trust> system(const system_store_paths& where = system_store_paths::defaults());
  // Loads every certificate of a file: PEM, one certificate in DER, or PKCS#12, for which alone `password` is called.
  // Errors are those of certificate::from_file, trust_store_empty, password_needed and wrong_password.
  static result<trust> from_file(const std::string& path, const password_source& password = {});
  // Loads the files *.pem, *.crt, *.cer, *.der and *.N (hashed names) of a folder, in PEM or DER. Files that cannot be
  // read are skipped.
  static result<trust> from_folder(const std::string& path);
  // Loads every certificate of a PEM text. Errors: errc::bad_pem, and trust_store_empty if it has none.
  static result<trust> from_pem(std::string_view pem, std::string_view where = "memory");
  // Takes the anchors in order, each once. An empty store rejects every peer; contexts reject it as trust_store_empty.
  static trust from_certificates(std::vector<certificate> anchors, std::string where = "memory");

  // Returns a store with the anchors of both.
  trust with(const trust& other) const;

  // The certificates of the store, without repetitions. They are not checked: an anchor may have expired.
  const std::vector<certificate>& anchors() const noexcept { return anchors_; }
  const std::string& where() const noexcept { return where_; }  // "/etc/ssl/certs/ca-certificates.crt"

 private:
  std::vector<certificate> anchors_;
  std::string where_;
};

}  // namespace v0
}  // namespace sluice
