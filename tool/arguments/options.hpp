// SPDX-License-Identifier: Apache-2.0
// The options that verbs have in common, and what they make: credentials, trust, contexts.
#pragma once

#include "arguments/declaration.hpp"

#include "sluice/context.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

// Our own identity, for servers and for client certificates.
struct credential_options {
  std::string cert;   // FILE or pkcs11:URI
  std::string chain;  // FILE: issuers of a certificate that is in a token
  std::string key;    // the same; empty: where the certificate is
  std::string module;
  std::string pin_file;
  std::string module_parameters;
  std::size_t sessions = 0;  // with the token; 0: the library's default
  std::string password_file;

  void declare(declaration& app);
  void declare_place(declaration& app);  // all but --cert and --key
  std::optional<identity> load() const;  // nothing without --cert
};

// The same for a server of several names: --cert and --key once for each, in the same order.
struct credential_list {
  std::vector<std::string> certs, keys;
  credential_options shared;  // what all of them have in common

  void declare(declaration& app);
  std::vector<identity> load() const;
};

// How TLS is spoken, by clients and servers alike.
struct tls_options {
  credential_options credentials;
  std::string ca, ca_dir;
  std::string policy, min_tls, max_tls;
  std::string alpn;
  std::uint16_t max_chain = 100;
  std::string keylog;
  std::string timeout = "10s";
  bool json = false;

  void declare(declaration& app);
  void declare_protocol(declaration& app);  // all but the credentials: the two below
  void declare_versions(declaration& app);  // --policy, --min-tls, --max-tls
  void declare_rest(declaration& app);

  client_options for_client() const;                // of all of them; opens what they name
  std::optional<sluice::trust> load_trust() const;  // nothing without --ca and --ca-dir
  version_range versions() const;
  std::vector<std::string> alpn_list() const;
  sluice::key_log open_key_log() const;  // --keylog, else SSLKEYLOGFILE, which the library itself never reads
  std::chrono::milliseconds time_limit() const;
};

}  // namespace sluice::tool
