// SPDX-License-Identifier: Apache-2.0
// HTTP's CONNECT, RFC 9110 §9.3.6, with Basic authentication, RFC 7617.
#include "asio/prelude/tunnel.hpp"

#include "terminal/failure.hpp"

#include <boost/beast/core/detail/base64.hpp>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
namespace base64 = boost::beast::detail::base64;

constexpr std::size_t max_fields = 200;

std::string authorization(const proxy_place& proxy) {
  if (proxy.user.empty()) return {};
  const auto plain = proxy.user + ":" + std::string(proxy.password->view());
  std::string text(base64::encoded_size(plain.size()), '\0');
  text.resize(base64::encode(text.data(), plain.data(), plain.size()));
  return "Proxy-Authorization: Basic " + text + "\r\n";
}

// "HTTP/1.1 200 Connection established": the code, or nothing.
std::string status_of(std::string_view line) {
  const bool is_http = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ';
  const auto code = is_http ? line.substr(9, 3) : std::string_view();
  return code.find_first_not_of("0123456789") == code.npos ? std::string(code) : std::string();
}

[[noreturn]] void refused(const proxy_place& proxy, const target& to, std::string_view status) {
  const auto said = "it does not connect to " + to.text() + ": it says " + in_quotes(status);
  const bool wants_user = status_of(status) == "407";
  give_up(errc::connection_refused, proxy.text(), said,
          !wants_user          ? "see the proxy's log and its rules"
          : proxy.user.empty() ? "write USER@ before its host, with the password in a file: --proxy-password-file"
                               : "see whether user and password are right, and whether it takes Basic authentication");
}

}  // namespace

asio::awaitable<void> open_http_tunnel(dialogue& with, const proxy_place& proxy, const target& to) {
  const auto head = "CONNECT " + to.text() + " HTTP/1.1\r\nHost: " + to.text() + "\r\n";
  const auto request = head + authorization(proxy) + "\r\n";
  co_await with.send(request);
  for (;;) {
    const auto status = co_await with.line();
    const auto code = status_of(status);
    if (code.empty()) with.refuse("it does not speak HTTP: it says " + in_quotes(status), "see what listens there");
    auto field = co_await with.line();
    for (std::size_t i = 0; !field.empty(); ++i) {
      if (i == max_fields) with.refuse("it answers without end", "see what listens there");
      field = co_await with.line();
    }
    if (code.starts_with('1')) continue;  // RFC 9110 §15.2: an interim answer
    if (!code.starts_with('2')) refused(proxy, to, status);
    co_return;
  }
}

}  // namespace sluice::tool
