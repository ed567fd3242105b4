// SPDX-License-Identifier: Apache-2.0
// SOCKS 5, RFC 1928, with user and password, RFC 1929. Names go to the proxy as they are.
#include "asio/prelude/proxy.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr char socks_version = 5, method_none = 0, method_password = 2;
constexpr char command_connect = 1, type_v4 = 1, type_name = 3, type_v6 = 4;

// A length of one byte, and the text.
std::string with_length(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

template <class Bytes>
std::string as_text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string connect_command(const proxy_request& request) {
  error_code is_name;
  const auto address = net::ip::make_address(request.host, is_name);
  std::string made{socks_version, command_connect, 0};
  if (is_name) {
    made += type_name + with_length(request.host);
  } else if (address.is_v4()) {
    made += type_v4 + as_text(address.to_v4().to_bytes());
  } else {
    made += type_v6 + as_text(address.to_v6().to_bytes());
  }
  return made + static_cast<char>(request.port >> 8) + static_cast<char>(request.port & 0xff);
}

constexpr std::string_view authenticated("\1\0", 2);  // RFC 1929 §2

net::awaitable<void> authenticate(dialogue& with, const proxy_request& request) {
  auto head = '\1' + with_length(request.user) + static_cast<char>(request.password.size());
  co_await with.send(std::move(head), request.password, {});
  const auto answer = co_await with.bytes(2);
  if (answer == authenticated) co_return;
  throw error(make_failure(errc::connection_refused, {},
                           "it does not accept the user " + in_quotes(request.user) + " with that password",
                           "see whether both are right"));
}

std::string greeting_for(const proxy_request& request) {
  return request.user.empty() ? std::string{socks_version, 1, method_none}
                              : std::string{socks_version, 2, method_none, method_password};
}

[[noreturn]] void throw_not_socks(std::string_view answer) {
  throw_peer_failure("it does not speak SOCKS 5: it answers " + in_quotes(answer), "see what listens there");
}

net::awaitable<void> choose_method(dialogue& with, const proxy_request& request) {
  co_await with.send(greeting_for(request));
  const auto answer = co_await with.bytes(2);
  if (answer[0] != socks_version) throw_not_socks(answer);
  if (answer[1] == method_none) co_return;
  if (answer[1] != method_password || request.user.empty()) {
    throw error(make_failure(errc::connection_refused, {}, "it requires an authentication method that is not supported",
                             request.user.empty() ? request.authentication_remedy : "see which methods it allows"));
  }
  co_await authenticate(with, request);
}

// RFC 1928 §6.
[[noreturn]] void throw_socks_rejection(const proxy_request& request, unsigned code) {
  constexpr std::array words = {"",
                                "it has failed",
                                "its rules do not allow it",
                                "the network is unreachable",
                                "the host is unreachable",
                                "the connection was refused",
                                "it took too long",
                                "it does not know the command",
                                "it does not know this type of address"};
  const bool is_unreachable = code == 3 || code == 4 || code == 6;
  const auto reason = code < words.size() ? std::string(words[code]) : "it answers " + std::to_string(code);
  throw error(
      make_failure(is_unreachable ? errc::unreachable : errc::connection_refused, {},
                   "it does not connect to " + request.place() + ": " + reason,
                   code == 2 ? "see the proxy's rules" : "see whether the server can be reached from the proxy"));
}

// The address that the proxy connects from, which is not used; its length depends on its type.
net::awaitable<void> skip_address(dialogue& with, char type) {
  std::size_t size = 4;
  if (type == type_v6) size = 16;
  if (type == type_name) {
    const auto length = co_await with.bytes(1);
    size = static_cast<unsigned char>(length[0]);
  } else if (type != type_v4 && type != type_v6) {
    throw_peer_failure("it answers with an address of a type that SOCKS 5 does not have", "see what listens there");
  }
  co_await with.bytes(size + 2);
}

}  // namespace

net::awaitable<void> open_socks5_tunnel(dialogue& with, const proxy_request& request) {
  co_await choose_method(with, request);
  co_await with.send(connect_command(request));
  const auto answer = co_await with.bytes(4);
  if (answer[0] != socks_version) throw_not_socks(answer);
  if (answer[1] != 0) throw_socks_rejection(request, static_cast<unsigned char>(answer[1]));
  co_await skip_address(with, answer[3]);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
