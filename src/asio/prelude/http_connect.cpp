// SPDX-License-Identifier: Apache-2.0
// HTTP's CONNECT, RFC 9110 §9.3.6, with Basic authentication, RFC 7617.
#include "asio/prelude/proxy.hpp"

#include "core/base/wipe.hpp"

#include <boost/beast/core/detail/base64.hpp>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

namespace base64 = boost::beast::detail::base64;

constexpr std::size_t max_fields = 200;

struct wiped_text {
  std::string text;  // its size does not change, so that no copy stays behind
  ~wiped_text() { internal::wipe(text); }
};

// "HTTP/1.1 200 Connection established": the code, or nothing.
std::string status_of(std::string_view line) {
  const bool is_http = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ';
  const auto code = is_http ? line.substr(9, 3) : std::string_view();
  return code.find_first_not_of("0123456789") == code.npos ? std::string(code) : std::string();
}

[[noreturn]] void throw_http_rejection(const proxy_request& request, std::string_view status) {
  const auto detail = "it does not connect to " + request.place() + ": it answers " + in_quotes(status);
  const bool requires_user = status_of(status) == "407";
  std::string remedy = "see the proxy's log and its rules";
  if (requires_user) remedy = "see whether user and password are right, and whether it takes Basic authentication";
  if (requires_user && request.user.empty()) remedy = request.authentication_remedy;
  throw error(make_failure(errc::connection_refused, {}, detail, remedy));
}

}  // namespace

secret basic_credentials(const std::string& user, const secret& password) {
  wiped_text plain{std::string(user.size() + 1 + password.size(), ':')};
  user.copy(plain.text.data(), user.size());
  password.view().copy(plain.text.data() + user.size() + 1, password.size());
  wiped_text encoded{std::string(base64::encoded_size(plain.text.size()), '\0')};
  const auto size = base64::encode(encoded.text.data(), plain.text.data(), plain.text.size());
  return secret(std::string_view(encoded.text).substr(0, size));
}

net::awaitable<void> open_http_tunnel(dialogue& with, const proxy_request& request) {
  auto head = "CONNECT " + request.place() + " HTTP/1.1\r\nHost: " + request.place() + "\r\n";
  if (!request.user.empty()) head += "Proxy-Authorization: Basic ";
  const auto tail = request.user.empty() ? "\r\n" : "\r\n\r\n";
  co_await with.send(std::move(head), request.password, tail);
  for (;;) {
    const auto status = co_await with.line();
    const auto code = status_of(status);
    if (code.empty())
      throw_peer_failure("it does not speak HTTP: it answers " + in_quotes(status), "see what listens there");
    auto field = co_await with.line();
    for (std::size_t i = 0; !field.empty(); ++i) {
      if (i == max_fields) throw_peer_failure("it answers without end", "see what listens there");
      field = co_await with.line();
    }
    if (code.starts_with('1')) continue;  // RFC 9110 §15.2: an interim answer
    if (!code.starts_with('2')) throw_http_rejection(request, status);
    co_return;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
