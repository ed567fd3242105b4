// SPDX-License-Identifier: Apache-2.0
// What `serve` was asked for, and what that makes.
#pragma once

#include "arguments/declaration.hpp"
#include "arguments/options.hpp"
#include "server/server.hpp"
#include "client/trace.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct serve_options {
  tls_options tls;
  credential_list sites;
  std::vector<std::string> ocsp;  // a file, or `none`, for each certificate
  std::string listen, mode = "echo", client_auth = "none", tickets = "on";
  std::string max_clients, exit_after, early_data;
  std::string silent_timeout, max_silent, max_silent_per_address;
  std::optional<std::string> fail;
  bool alpn_is_optional = false;
  trace_options watch;

  void declare(declaration& app);
  server_settings settings() const;  // throws errc::invalid_argument
};

// The server's identity.
struct server_identities {
  std::vector<identity> all;
  std::string throwaway;  // the certificate, where one had to be made
  bool has_token_key = false;
};
server_identities load_identities(const serve_options& options, const boost::asio::ip::address& listens_at);

server_options make_server_options(const serve_options& options, const server_identities& who);

}  // namespace sluice::tool
