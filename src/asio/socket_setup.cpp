// SPDX-License-Identifier: Apache-2.0
#include "asio/socket_setup.hpp"

#include "core/base/failure.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

failure refusal(std::string_view where, std::string_view detail) {
  return internal::in_phase(phase::connect, make_failure(errc::invalid_argument, where, detail));
}

failure refusal(std::string_view where, std::string value, int number) {
  return refusal(where, std::move(value) + ": " + std::generic_category().message(number));
}

// Clamped, not cut off: a value beyond int would otherwise be taken for another one; the system rejects the limit.
result<void> set(int socket, int level, int name, std::int64_t value, const char* called) {
  const auto number = static_cast<int>(
      std::clamp<std::int64_t>(value, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
  if (::setsockopt(socket, level, name, &number, sizeof number) == 0) return {};
  return refusal(called, std::to_string(value), errno);
}

// SO_KEEPALIVE comes last: if one of the values is rejected, the socket is left without probes, and not with the
// system's.
result<void> set_keep_alive(int socket, const keep_alive_options& options) {
  if (auto done = set(socket, IPPROTO_TCP, TCP_KEEPIDLE, options.idle.count(), "keep_alive.idle"); !done) return done;
  if (options.interval.count() != 0) {
    auto done = set(socket, IPPROTO_TCP, TCP_KEEPINTVL, options.interval.count(), "keep_alive.interval");
    if (!done) return done;
  }
  if (options.probes != 0) {
    auto done = set(socket, IPPROTO_TCP, TCP_KEEPCNT, options.probes, "keep_alive.probes");
    if (!done) return done;
  }
  return set(socket, SOL_SOCKET, SO_KEEPALIVE, 1, "keep_alive");
}

}  // namespace

result<void> set_tcp_options(int socket, const tcp_options& options) {
  // Only ever set: the system has Nagle's algorithm on by default, and a listener's setting is inherited.
  if (options.no_delay) {
    if (auto done = set(socket, IPPROTO_TCP, TCP_NODELAY, 1, "no_delay"); !done) return done;
  }
  return options.keep_alive.idle.count() != 0 ? set_keep_alive(socket, options.keep_alive) : result<void>();
}

result<void> bind_to_interface(int socket, const std::string& name) {
  if (name.empty()) return {};
  // The kernel would cut the name off and might find another interface.
  if (name.size() >= IFNAMSIZ) return refusal("interface", "\"" + name + "\" is longer than 15 bytes");
  if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, name.data(), static_cast<socklen_t>(name.size())) == 0) {
    return {};
  }
  return refusal("interface", "\"" + name + "\"", errno);
}

result<void> socket_setup::prepare(net::ip::tcp::socket& socket, const net::ip::tcp::endpoint& to) const {
  error_code ec;
  socket.open(to.protocol(), ec);
  if (ec) return make_failure(ec);
  if (auto done = set_tcp_options(socket.native_handle(), options); !done) return done;
  if (auto done = bind_to_interface(socket.native_handle(), interface); !done) return done;
  if (!local) return {};
  // Port 0: the system chooses one. The error of a bind is about the option, so it is reported as invalid_argument.
  socket.bind({*local, 0}, ec);
  if (!ec) return {};
  return refusal("local_address", local->to_string(), ec.value());
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
