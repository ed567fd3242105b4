// SPDX-License-Identifier: Apache-2.0
#include "sluice/asio/proxy_connect.hpp"

#include "asio/prelude.hpp"
#include "asio/prelude/proxy.hpp"
#include "core/x509/host_name.hpp"

#include <exception>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

class proxy_prelude final : public prelude {
 public:
  proxy_prelude(proxy_protocol protocol, proxy_request request, std::shared_ptr<prelude> then)
      : protocol_(protocol), request_(std::move(request)), then_(std::move(then)) {}

  net::awaitable<failure> speak(net::ip::tcp::socket& socket) override {
    auto failed = co_await outcome_of(open(socket));
    if (failed.code || !then_) co_return failed;
    failed = co_await speak_inside(socket);
    if (failed.code && failed.where.empty()) failed.where = request_.place();
    co_return failed;
  }

 private:
  net::awaitable<void> open(net::ip::tcp::socket& socket) const {
    dialogue with(socket);
    if (protocol_ == proxy_protocol::http_connect) {
      co_await open_http_tunnel(with, request_);
    } else {
      co_await open_socks5_tunnel(with, request_);
    }
    if (!then_) with.expect_silence();  // otherwise the server may send first
  }

  net::awaitable<failure> speak_inside(net::ip::tcp::socket& socket) const {
    try {
      co_return co_await then_->speak(socket);
    } catch (...) {
      co_return failure_of(std::current_exception());
    }
  }

  const proxy_protocol protocol_;
  const proxy_request request_;
  const std::shared_ptr<prelude> then_;
};

failure wrong_option(std::string_view name, std::string_view detail, std::string_view remedy) {
  return make_failure(errc::invalid_argument, "proxy_options::" + std::string(name), detail, remedy);
}

// A failure without a code: they are right.
failure check_credentials(const proxy_options& options) {
  const auto user = options.user.size(), password = options.password.size();
  if (user == 0 && password == 0) return {};
  if (user == 0) return wrong_option("user", "there is a password, and no user", "set both or neither");
  // RFC 1929 §2 has one byte for each length; RFC 7617 §2 ends the user at the colon.
  const bool fits_socks5 = user <= 255 && password >= 1 && password <= 255;
  if (options.protocol == proxy_protocol::socks5 && !fits_socks5) {
    return wrong_option("user", "user and password take 1 to 255 bytes each", "use other ones, or another proxy");
  }
  if (options.protocol == proxy_protocol::http_connect && options.user.find(':') != std::string::npos) {
    return wrong_option("user", "the user's name has a colon in it, which Basic authentication cannot say",
                        "use another user, or SOCKS 5");
  }
  return {};
}

}  // namespace

std::string proxy_request::place() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace detail

result<std::shared_ptr<prelude>> proxy_connect(proxy_options options) {
  using detail::wrong_option;
  if (options.protocol != proxy_protocol::http_connect && options.protocol != proxy_protocol::socks5) {
    return wrong_option("protocol", "it is none of the known protocols", "use http_connect or socks5");
  }
  if (options.host.empty()) return wrong_option("host", "it is empty", "set it to the server's name");
  const auto host = internal::check_host_name(options.host);
  if (!host) return host.error();
  if (!host->zone.empty()) {
    return make_failure(errc::bad_name, "server name \"" + options.host + "\"",
                        "it has a zone, which names an interface of this machine and not of the proxy",
                        "use an address that the proxy can reach");
  }
  if (options.port == 0) return wrong_option("port", "it is 0", "set it to the server's port");
  if (auto wrong = detail::check_credentials(options); wrong.code) return wrong;
  const bool is_basic = options.protocol == proxy_protocol::http_connect && !options.user.empty();
  detail::proxy_request request{
      .host = host->is_ip ? host->text : options.host,
      .port = options.port,
      .user = options.user,
      .password = is_basic ? detail::basic_credentials(options.user, options.password) : std::move(options.password),
      .authentication_remedy = std::move(options.authentication_remedy)};
  return std::make_shared<detail::proxy_prelude>(options.protocol, std::move(request), std::move(options.then));
}

}  // namespace v0
}  // namespace sluice
