// SPDX-License-Identifier: Apache-2.0
// TLS as it was: servers of old versions, ciphers and groups, by tlslite-ng, since s2n cannot serve them.
#pragma once

#include "testkit/authority/scratch.hpp"
#include "testkit/peers/case.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::testkit::peers {

// The Python that has tlslite-ng: $SLUICE_LAB_PYTHON, else that of the build tree's environment. Empty: none.
std::string old_tls_python();
// Empty where there is one; else what brings it.
std::string old_tls_remedy();

// What a server is to be; empty lists are tlslite-ng's defaults.
struct old_choice {
  tls_version min = tls_version::tls1_2;
  tls_version max = tls_version::tls1_2;
  std::vector<std::string> ciphers;        // "rc4", "3des", "aes128", "aes128gcm", "null"
  std::vector<std::string> macs;           // "md5", "sha"
  std::vector<std::string> key_exchanges;  // "rsa", "dhe_rsa", "ecdhe_rsa", "dh_anon"
  std::vector<std::string> groups;         // "secp384r1"
  std::string prime;                       // of Diffie-Hellman, in hexadecimal
  bool is_anonymous = false;
  bool asks_again = false;  // for another handshake, before it answers
};

// The process that serves them all. Ends with this.
class old_tls_server {
 public:
  // Blocks until it listens. Throws errc::internal with what it printed instead.
  explicit old_tls_server(const testkit::scratch_folder& folder);
  old_tls_server(const old_tls_server&) = delete;
  old_tls_server& operator=(const old_tls_server&) = delete;
  ~old_tls_server();

  // A peer as `choice` describes it, with this certificate and key in PEM.
  server_function serve(const old_choice& choice, const std::string& chain, const std::string& key) const;

 private:
  pid_t process_ = -1;
  int stdin_ = -1;
  tcp::endpoint address_;
};

}  // namespace sluice::testkit::peers
