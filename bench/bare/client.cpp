// SPDX-License-Identifier: Apache-2.0
#include "bare/client.hpp"

#include "common/job.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace bench {
namespace {

constexpr std::uint32_t source_addresses = 32;  // 127.0.0.1 and on: each has 28,000 ports for sockets in TIME-WAIT

sockaddr_in loopback(std::uint32_t number, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number);
  return made;
}

descriptor connect_to(std::uint16_t port) {
  static std::uint32_t number = 0;
  descriptor made(check_system(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  ::setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(made.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto from = loopback(number++ % source_addresses, 0), to = loopback(0, port);
  check_system(::bind(made.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from), "bind");
  const int result = ::connect(made.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
  if (result < 0 && errno != EINPROGRESS) check_system(result, "connect");
  return made;
}

[[noreturn]] void fail(const char* doing, progress state) {
  throw std::runtime_error(std::string(doing) + (state == progress::closed
                                                     ? ": the server closed the connection"
                                                     : std::string(": ") + s2n_strerror_debug(s2n_errno, "EN")));
}

}  // namespace

void client::begin(const std::string& ticket) {
  is_connected_ = is_established_ = false;
  began = std::chrono::steady_clock::now();
  tls_.open(connect_to(port_), config_);
  check_s2n(s2n_set_server_name(&tls_.native(), "localhost"));
  if (!ticket.empty()) {
    check_s2n(s2n_connection_set_session(&tls_.native(), reinterpret_cast<const std::uint8_t*>(ticket.data()),
                                         ticket.size()));
  }
  waits_for_ = EPOLLOUT;
  events_.add(tls_.socket(), waits_for_, this);
}

bool client::advance() {
  if (!is_connected_) {
    socklen_t size = sizeof errno;
    ::getsockopt(tls_.socket(), SOL_SOCKET, SO_ERROR, &errno, &size);
    if (errno != 0) check_system(-1, "connect");
    is_connected_ = true;
    wait_for(EPOLLIN);
  }
  const auto state = tls_.negotiate();
  if (state == progress::blocked) return false;
  if (state != progress::done) fail("handshake", state);
  is_established_ = true;
  return true;
}

void client::end() { tls_.close(); }

void client::send(std::span<const char> message) {
  std::size_t taken = 0;
  const auto state = tls_.write(message, taken);
  if (state != progress::done || taken != message.size()) fail("send", state);
}

std::size_t client::receive(std::span<char> buffer) {
  std::size_t size = 0;
  const auto state = tls_.read(buffer, size);
  if (state != progress::done && state != progress::blocked) fail("receive", state);
  return size;
}

std::size_t client::send_some(std::uint64_t bytes, std::size_t chunk) {
  std::size_t sent = 0;
  while (sent < bytes && tls_.flush()) {
    std::size_t taken = 0;
    const auto size = bytes - sent < chunk ? static_cast<std::size_t>(bytes - sent) : chunk;
    const auto state = tls_.write(payload().first(size), taken);
    if (state != progress::done && state != progress::blocked) fail("send", state);
    sent += taken;
    if (state == progress::blocked) break;
  }
  wait_for(tls_.flush() && sent == bytes ? EPOLLIN : EPOLLOUT);
  return sent;
}

void client::wait_for(std::uint32_t events) {
  if (waits_for_ != events) events_.change(tls_.socket(), events, this);
  waits_for_ = events;
}

}  // namespace bench
