// SPDX-License-Identifier: Apache-2.0
// The configurations of s2n that coal, the load and the bare client use.
#pragma once

#include "bare/check.hpp"
#include "common/settings.hpp"

#include <optional>
#include <string>

namespace bench {

// A config and the identity that it refers to.
struct engine_config {
  s2n_handle<s2n_cert_chain_and_key> identity;
  s2n_handle<s2n_config> config;
};

// TLS 1.3, AES-128-GCM, X25519 or P-256, as the other servers of the comparison.
engine_config make_server_config(const server_settings& given);

struct client_settings {
  std::string site;
  bool is_mutual = false;      // with client.pem and client.key
  bool keeps_tickets = false;  // the newest is in `ticket`
  bool verifies = false;       // the chain and the name, as every real client must
};
// `ticket` outlives the config.
engine_config make_client_config(const client_settings& given, std::string& ticket);

}  // namespace bench
