// SPDX-License-Identifier: Apache-2.0
// How a server is reached: directly, through a proxy, over a Unix socket; and what is sent before TLS.
#pragma once

#include "arguments/declaration.hpp"
#include "terminal/values.hpp"
#include "client/proxy.hpp"

#include "sluice/asio/prelude.hpp"
#include "sluice/asio/starttls.hpp"
#include "sluice/asio/stream.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tool {

// A protocol that begins in plaintext, as --starttls names it.
struct starttls_choice {
  std::string_view name;
  std::string_view port;  // if the command line has none
  starttls_protocol protocol;
};

struct route_options {
  std::string starttls;  // smtp, imap, postgres, ldap
  std::string proxy, proxy_password_file;
  std::string socket;   // a Unix socket's path
  std::string resolve;  // the address that HOST stands for

  void declare(declaration& app);
};

// What the options ask for, checked before a connection is begun.
class route {
 public:
  // `host` is HOST or HOST:PORT; the port is that of --starttls, or 443, where it has none. Throws sluice::error.
  route(const route_options& options, std::string_view host);
  // Directly, over TCP, with TLS from the first byte.
  explicit route(target to) : to_(std::move(to)) {}

  const target& to() const noexcept { return to_; }                    // the server
  void aim_at(std::string address) { to_.host = std::move(address); }  // this one of those that its name stands for
  const target& first() const noexcept { return proxy_ ? proxy_->at : to_; }  // what TCP connects to
  const std::string& address() const noexcept { return address_; }  // of --resolve; empty: whatever the name stands for
  bool is_local() const noexcept { return !to_.path.empty(); }
  const std::optional<proxy_place>& proxy() const noexcept { return proxy_; }
  std::string_view starttls() const noexcept { return protocol_ ? protocol_->name : std::string_view(); }

  // For connect_options: null if TLS begins at once.
  result<std::shared_ptr<prelude>> before_tls() const;

  // The same failure; one of reaching the proxy names the proxy.
  failure with_proxy_named(failure error) const;

 private:
  target to_;
  std::string address_;
  std::optional<proxy_place> proxy_;
  const starttls_choice* protocol_ = nullptr;
};

// Connects to a Unix socket and shakes hands. `why` is the failure where the stream is not established.
boost::asio::awaitable<unix_stream> connect_local(const context& tls, const target& to, std::string server_name,
                                                  std::string_view early_data, std::chrono::milliseconds limit,
                                                  failure& error);

}  // namespace sluice::tool
