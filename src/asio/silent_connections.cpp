// SPDX-License-Identifier: Apache-2.0
#include "asio/silent_connections.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

using tcp = net::ip::tcp;
using std::chrono::milliseconds;

constexpr std::size_t longest_record = 16384 + 2048;

constexpr std::size_t header_size = 5;

// How many bytes are missing before a handshake is worth its memory: those of the first record, as its header has it. 0
// when there is no use in waiting: it is here, or is not TLS. What cannot become a record is passed on at once, so that
// the handshake fails with the true cause.
std::size_t missing_of_first_record(std::span<const std::byte> arrived) {
  const auto at = [arrived](std::size_t i) { return std::to_integer<std::size_t>(arrived[i]); };
  const auto n = arrived.size();
  if (n > 0 && (at(0) != 22 || (n > 1 && at(1) != 3))) return 0;
  if (n < header_size) return header_size - n;
  const auto wanted = header_size + (at(3) << 8 | at(4));
  return wanted > longest_record || n >= wanted ? 0 : wanted - n;
}

enum class arrival { whole, partial, ended };

// Reads the first record, and more only with its first piece. Most records come whole and are shorter than a piece: one
// call reads them, and nothing is left in the socket for the handshake to ask for.
arrival read_first_record(int socket, std::vector<std::byte>& into) {
  std::array<std::byte, 2048> piece;
  for (;;) {
    const auto missing = missing_of_first_record(into);
    if (missing == 0) return arrival::whole;
    const auto room = into.empty() ? piece.size() : std::min(missing, piece.size());
    const auto n = ::recv(socket, piece.data(), room, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? arrival::partial : arrival::ended;
    if (n == 0) return arrival::ended;
    into.insert(into.end(), piece.begin(), piece.begin() + n);
  }
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
                           if (!one->is_gone) self->read(one, ec);
                         }));
}

// SO_RCVLOWAT makes the kernel wait for what is missing, so that a peer which sends the record byte by byte does not
// wake us for each. It is set back before the socket is handed on.
void silent_connections::read(const entry_pointer& one, const error_code& ec) {
  const int socket = one->socket.native_handle();
  if (!ec && read_first_record(socket, one->first) == arrival::partial) {
    const int wanted = one->first.empty() ? 1 : static_cast<int>(missing_of_first_record(one->first));
    if (wanted != one->asked_for) wake_at_bytes(socket, wanted);
    one->asked_for = wanted;
    return wait(one);
  }
  if (one->asked_for != 1) wake_at_bytes(socket, 1);
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
