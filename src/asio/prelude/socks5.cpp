// SPDX-License-Identifier: Apache-2.0
// SOCKS 5, RFC 1928, with user and password, RFC 1929. Names go to the proxy as they are.
#include "asio/prelude/tunnel.hpp"

#include "terminal/failure.hpp"

#include <boost/asio/ip/address.hpp>

#include <array>
#include <charconv>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

constexpr char version = 5, method_none = 0, method_password = 2;
constexpr char command_connect = 1, type_v4 = 1, type_name = 3, type_v6 = 4;

std::string one_byte_length(std::string_view text) { return static_cast<char>(text.size()) + std::string(text); }

template <class Bytes>
std::string as_text(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string request_for(const target& to) {
  boost::system::error_code is_name;
  const auto address = asio::ip::make_address(to.host, is_name);
  unsigned port = 0;
  std::from_chars(to.port.data(), to.port.data() + to.port.size(), port);
  std::string made{version, command_connect, 0};
  if (is_name) {
    made += type_name + one_byte_length(to.host);
  } else if (address.is_v4()) {
    made += type_v4 + as_text(address.to_v4().to_bytes());
  } else {
    made += type_v6 + as_text(address.to_v6().to_bytes());
  }
  return made + static_cast<char>(port >> 8) + static_cast<char>(port & 0xff);
}

constexpr std::string_view accepted("\1\0", 2);  // RFC 1929 §2

asio::awaitable<void> log_in(dialogue& with, const proxy_place& proxy) {
  co_await with.send('\1' + one_byte_length(proxy.user) + one_byte_length(proxy.password->view()));
  const auto answer = co_await with.bytes(2);
  if (answer == accepted) co_return;
  give_up(errc::connection_refused, proxy.text(),
          "it does not take the user " + in_quotes(proxy.user) + " with that password", "see whether both are right");
}

std::string greeting_for(const proxy_place& proxy) {
  return proxy.user.empty() ? std::string{version, 1, method_none}
                            : std::string{version, 2, method_none, method_password};
}

[[noreturn]] void not_socks(const dialogue& with, std::string_view answer) {
  with.refuse("it does not speak SOCKS 5: it says " + in_quotes(answer), "see what listens there");
}

asio::awaitable<void> greet(dialogue& with, const proxy_place& proxy) {
  co_await with.send(greeting_for(proxy));
  const auto answer = co_await with.bytes(2);
  if (answer[0] != version) not_socks(with, answer);
  if (answer[1] == method_none) co_return;
  if (answer[1] != method_password || proxy.user.empty()) {
    give_up(errc::connection_refused, proxy.text(), "it lets nobody in without authentication of its choice",
            proxy.user.empty() ? "write USER@ before its host, with the password in a file: --proxy-password-file"
                               : "see which methods it allows");
  }
  co_await log_in(with, proxy);
}

// RFC 1928 §6.
[[noreturn]] void refused(const proxy_place& proxy, const target& to, unsigned code) {
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
  give_up(is_unreachable ? errc::unreachable : errc::connection_refused, proxy.text(),
          "it does not connect to " + to.text() + ": " +
              (code < words.size() ? std::string(words[code]) : "it says " + std::to_string(code)),
          code == 2 ? "see the proxy's rules" : "see whether the server can be reached from the proxy");
}

// The address that the proxy connects from: of no use to us, and of a length to be found out.
asio::awaitable<void> skip_address(dialogue& with, char type) {
  std::size_t size = 4;
  if (type == type_v6) size = 16;
  if (type == type_name) {
    const auto length = co_await with.bytes(1);
    size = static_cast<unsigned char>(length[0]);
  } else if (type != type_v4 && type != type_v6) {
    with.refuse("it answers with an address of a type that SOCKS 5 does not have", "see what listens there");
  }
  co_await with.bytes(size + 2);
}

}  // namespace

asio::awaitable<void> open_socks5_tunnel(dialogue& with, const proxy_place& proxy, const target& to) {
  if (to.host.size() > 255) give_up(errc::bad_name, to.host, "it is longer than SOCKS 5 can say");
  co_await greet(with, proxy);
  co_await with.send(request_for(to));
  const auto answer = co_await with.bytes(4);
  if (answer[0] != version) not_socks(with, answer);
  if (answer[1] != 0) refused(proxy, to, static_cast<unsigned char>(answer[1]));
  co_await skip_address(with, answer[3]);
}

}  // namespace sluice::tool
