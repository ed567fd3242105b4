// SPDX-License-Identifier: Apache-2.0
#include "client/route.hpp"

#include "terminal/failure.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

failure cannot_reach(const target& to, const boost::system::error_code& ec) {
  auto error = make_failure(errc::unreachable, to.path, ec.message(), "see whether a server listens on that path");
  if (ec == boost::system::errc::connection_refused) error.code = ec;
  if (ec == boost::system::errc::permission_denied) error.remedy = "ask for the right to write there";
  error.at = phase::connect;
  return error;
}

// "192.0.2.1", "[2001:db8::1]", or as curl has it: "HOST:PORT:ADDRESS" of this very target.
std::string parse_resolve(std::string_view text, const target& to) {
  const auto prefix = to.host + ":" + to.port + ":";
  auto address = text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  const bool has_brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (has_brackets) address = address.substr(1, address.size() - 2);
  boost::system::error_code ec;
  asio::ip::make_address(std::string(address), ec);
  if (ec) {
    give_up(errc::invalid_argument, "--resolve", "\"" + std::string(address) + "\" is not an IP address",
            "write the address that " + to.host + " is to stand for, for example 192.0.2.1");
  }
  return std::string(address);
}

// Throws, with the names there are, for a name that is none of them.
const starttls_choice& starttls_choice_of(std::string_view name) {
  // 25 is the port of mail servers; for submission, on 587, the port is given.
  static constexpr std::array known = {starttls_choice{"smtp", "25", starttls_protocol::smtp},
                                       starttls_choice{"imap", "143", starttls_protocol::imap},
                                       starttls_choice{"postgres", "5432", starttls_protocol::postgres},
                                       starttls_choice{"ldap", "389", starttls_protocol::ldap}};
  const auto found = std::ranges::find(known, name, &starttls_choice::name);
  if (found != known.end()) return *found;
  give_up(errc::invalid_argument, "--starttls", "\"" + std::string(name) + "\" is not a protocol it knows",
          "write smtp, imap, postgres or ldap");
}

}  // namespace

void route_options::declare(declaration& app) {
  app.add_option("--starttls", starttls, "Begin in plaintext and upgrade to TLS: smtp, imap, postgres or ldap")
      .type_name("PROTOCOL");
  app.add_option("--proxy", proxy, "Connect through a proxy: http://[USER@]HOST:PORT or socks5://[USER@]HOST:PORT")
      .type_name("URL");
  app.add_option("--proxy-password-file", proxy_password_file,
                 "The proxy user's password, first line of a file (else SLUICE_PROXY_PASSWORD)")
      .type_name("FILE");
  app.add_option("--resolve", resolve, "Use this address for HOST instead of looking it up; also HOST:PORT:ADDRESS")
      .type_name("ADDRESS");
  app.add_option("--unix", socket, "Connect to this Unix socket; HOST is the name that the certificate must be for")
      .type_name("PATH");
}

route::route(const route_options& options, std::string_view host) {
  if (!options.starttls.empty()) protocol_ = &starttls_choice_of(options.starttls);
  to_ = parse_target(host, protocol_ ? protocol_->port : "443");
  if (!options.proxy.empty()) proxy_ = parse_proxy(options.proxy, options.proxy_password_file);
  if (proxy_) static_cast<void>(before_tls());  // throws what --proxy has wrong
  if (proxy_ == std::nullopt && !options.proxy_password_file.empty()) {
    give_up(errc::invalid_argument, "--proxy-password-file", "there is no --proxy", "give both or neither");
  }
  if (!options.resolve.empty()) address_ = parse_resolve(options.resolve, to_);
  if (options.socket.empty()) return;
  to_.path = options.socket;
  if (!address_.empty()) {
    give_up(errc::invalid_argument, "--resolve", "a Unix socket has no address", "leave --resolve or --unix out");
  }
  if (proxy_ || protocol_) {
    give_up(errc::invalid_argument, "--unix", "a Unix socket is reached without a proxy, and speaks TLS at once",
            "leave --proxy and --starttls out");
  }
  if (to_.path.size() >= sizeof(sockaddr_un::sun_path)) {
    give_up(errc::invalid_argument, "--unix", "the path is longer than a Unix socket's can be", "make it shorter");
  }
}

result<std::shared_ptr<prelude>> route::before_tls() const {
  std::shared_ptr<prelude> last;
  if (protocol_ != nullptr) last = sluice::starttls(protocol_->protocol).value();
  return proxy_ ? through_proxy(*proxy_, to_, std::move(last)) : last;
}

failure route::with_proxy_named(failure error) const {
  if (proxy_ && error.where == proxy_->at.text()) error.where = proxy_->text();
  return error;
}

asio::awaitable<unix_stream> connect_local(const context& tls, const target& to, std::string server_name,
                                           std::string_view early_data, std::chrono::milliseconds limit,
                                           failure& error) {
  asio::local::stream_protocol::socket socket(co_await asio::this_coro::executor);
  // Completes at once: a full backlog, the only thing to wait for, is an error.
  const asio::local::stream_protocol::endpoint at(to.path);
  auto [ec] = co_await socket.async_connect(at, testkit::use_tuple);
  const auto early = std::as_bytes(std::span(early_data));
  stream_options options;
  options.server_name = server_name;
  options.early_data.assign(early.begin(), early.end());
  unix_stream s(std::move(socket), tls, role::client, std::move(options));
  if (ec) {
    error = cannot_reach(to, ec);
    co_return s;
  }
  s.set_timeouts(limit, std::chrono::seconds(5));
  auto [failed] = co_await s.async_handshake(testkit::use_tuple);
  if (failed) error = s.last_failure();
  co_return s;
}

}  // namespace sluice::tool
