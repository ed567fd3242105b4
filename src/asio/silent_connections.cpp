// SPDX-License-Identifier: Apache-2.0
#include "asio/silent_connections.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

using tcp = net::ip::tcp;
using std::chrono::milliseconds;

constexpr int longest_record = 16384 + 2048;

// How many bytes must be there before a handshake is worth its memory: the first record, as its header has it. 0 when
// there is no use in waiting: it is here, or will never be, or is not TLS.
// Nothing is taken out of the socket (MSG_PEEK): s2n reads the record itself, later. What cannot become a record is
// passed on at once, so that the handshake fails with the true cause.
int bytes_to_wait_for(int socket) {
  std::array<unsigned char, 5> header{};
  const auto n = ::recv(socket, header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 1 : 0;
  if (n == 0 || header[0] != 22 || (n > 1 && header[1] != 3)) return 0;
  if (n < static_cast<ssize_t>(header.size())) return static_cast<int>(header.size());
  const int wanted = 5 + (header[3] << 8 | header[4]);
  int arrived = 0;
  const bool is_known = ::ioctl(socket, FIONREAD, &arrived) == 0;
  return wanted > longest_record || !is_known || arrived >= wanted ? 0 : wanted;
}

void wake_at_bytes(int socket, int count) { ::setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &count, sizeof count); }

// Whom a share of the silence is counted for.
// One host, as far as addresses show it: a /64 is what a single IPv6 customer has, and a mapped address is an IPv4 one.
net::ip::address host_of(const tcp::endpoint& peer) {
  auto address = peer.address();
  if (address.is_v4()) return address;
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return net::ip::make_address_v4(net::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  return net::ip::address_v6(bytes);
}

}  // namespace

silent_connections::silent_connections(net::any_io_executor serial, silence_limits limits)
    : serial_(std::move(serial)), limits_(limits), timer_(serial_) {}

void silent_connections::on(spoke has_spoken, gave_up has_gone) {
  has_spoken_ = std::move(has_spoken);
  has_gone_ = std::move(has_gone);
}

void silent_connections::add(accepted_connection one) {
  if (limits_.max_per_address != 0) {
    const auto host = host_of(one.peer);
    const auto is_of_host = [&host](const entry_pointer& e) { return host_of(e->peer) == host; };
    if (static_cast<std::size_t>(std::ranges::count_if(waiting_, is_of_host)) >= limits_.max_per_address) {
      drop(*std::ranges::find_if(waiting_, is_of_host), "its address has no room for more that are silent");
    }
  }
  const auto made = std::make_shared<entry>(std::move(one));
  made->place = waiting_.insert(waiting_.end(), made);
  arm();
  wait(made);
}

void silent_connections::wait(const entry_pointer& one) {
  one->socket.async_wait(tcp::socket::wait_read,
                         net::bind_executor(serial_, [self = shared_from_this(), one](const error_code& ec) {
                           if (!one->is_gone) self->look(one, ec);
                         }));
}

// SO_RCVLOWAT makes the kernel wait for the rest of the record, so that a peer which sends it byte by byte wakes us
// twice, not once a byte. It is set back before the socket is handed on.
void silent_connections::look(const entry_pointer& one, const error_code& ec) {
  const int socket = one->socket.native_handle();
  const int wanted = ec ? 0 : bytes_to_wait_for(socket);
  // It only grows, from a byte to a header to a record; so it is set twice at most, whatever the peer sends.
  if (wanted > one->asked_for) {
    one->asked_for = wanted;
    wake_at_bytes(socket, wanted);
    return wait(one);
  }
  if (wanted == 1) return wait(one);  // woken for nothing
  // Here, or ended, or as much as its buffer will ever hold.
  if (one->asked_for > 1) wake_at_bytes(socket, 1);
  one->is_gone = true;
  waiting_.erase(one->place);
  has_spoken_(std::move(static_cast<accepted_connection&>(*one)));
}

bool silent_connections::drop_oldest() {
  if (waiting_.empty()) return false;
  drop(waiting_.front(), "there is no room for more that are silent");
  return true;
}

void silent_connections::drop(const entry_pointer& picked, const std::string& reason) {
  // It outlives its place in the list. NOLINTNEXTLINE(performance-unnecessary-copy-initialization)
  const auto one = picked;
  const auto silence = std::chrono::duration_cast<milliseconds>(clock_type::now() - one->since);
  one->is_gone = true;
  waiting_.erase(one->place);
  error_code ignored;
  one->socket.close(ignored);
  auto found = "its first record had not come after " + std::to_string(silence.count()) + " ms";
  if (!reason.empty()) found += ", and " + reason;
  auto error = internal::with_usual_remedy(in_phase(phase::handshake, make_failure(errc::timed_out, "client", found)));
  error.from = origin::peer;
  // Posted: what it throws is the user's, and must not leave half of this undone.
  net::post(serial_,
            [self = shared_from_this(), error = std::move(error), peer = one->peer] { self->has_gone_(error, peer); });
}

void silent_connections::drop_silent() {
  const auto now = clock_type::now();
  while (!waiting_.empty() && now - waiting_.front()->since >= limits_.timeout) drop(waiting_.front(), {});
  arm();
}

// One timer for all: the oldest is the first that is due.
void silent_connections::arm() {
  if (is_armed_ || waiting_.empty() || limits_.timeout >= std::chrono::hours(24 * 365)) return;
  is_armed_ = true;
  timer_.expires_at(waiting_.front()->since + std::chrono::duration_cast<clock_type::duration>(limits_.timeout));
  timer_.async_wait(net::bind_executor(serial_, [weak = weak_from_this()](const error_code& ec) {
    const auto self = weak.lock();
    if (!self) return;
    self->is_armed_ = false;
    if (!ec) self->drop_silent();
  }));
}

// No handler is called: the acceptor has ended, or is being destroyed. Completions that still come find is_gone.
void silent_connections::clear() noexcept {
  for (const auto& one : waiting_) {
    one->is_gone = true;
    error_code ignored;
    one->socket.close(ignored);
  }
  waiting_.clear();
  timer_.cancel();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
