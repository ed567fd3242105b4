// SPDX-License-Identifier: Apache-2.0
// Whom to believe: the certificates a peer's chain must lead to.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/password.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// Where the system's store may be: the first file that exists, else the first folder that holds a certificate. The
// defaults cover Debian, Red Hat, SUSE, Alpine and Android layouts. SSL_CERT_FILE and SSL_CERT_DIR (folders, with
// colons between them), when set and not empty, are read instead, but in programs that run with rights of somebody else
// than who started them (set-uid, capabilities: secure_getenv(3)).
struct system_store_paths {
  std::vector<std::string> files;
  std::vector<std::string> folders;
  bool read_environment = true;
  static system_store_paths defaults();
};

// Immutable, loaded eagerly and wholly: no file is opened during a handshake. Any thread.
// A leaf certificate in the store is accepted as its own anchor: that is how to pin one.
class trust {
 public:
  // The store of this machine. errc::trust_store_empty, with the places that were tried, when none has a certificate.
  static result<trust> system(const system_store_paths& where = system_store_paths::defaults());
  // Every certificate of a file: PEM, one in DER, or PKCS#12 (`password` is asked for that alone). Besides what
  // certificate::from_file fails with: trust_store_empty, password_needed, wrong_password.
  static result<trust> from_file(const std::string& path, const password_source& password = {});
  // Every *.pem, *.crt, *.cer, *.der and hashed *.N file in it, PEM or DER; those that cannot be read are passed over.
  static result<trust> from_folder(const std::string& path);
  static result<trust> from_pem(std::string_view pem, std::string_view where = "memory");
  static trust from_certificates(std::vector<certificate> anchors, std::string where = "memory");

  // This store and another together.
  trust with(const trust& other) const;

  const std::vector<certificate>& anchors() const noexcept { return anchors_; }
  const std::string& where() const noexcept { return where_; }  // "/etc/ssl/certs/ca-certificates.crt"

 private:
  std::vector<certificate> anchors_;
  std::string where_;
};

}  // namespace sluice::inline v0
