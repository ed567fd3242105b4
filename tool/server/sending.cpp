// SPDX-License-Identifier: Apache-2.0
#include "server/sending.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

asio::awaitable<bool> write_all(served_client& c, std::string_view text) {
  auto [ec, n] = co_await asio::async_write(c.s, asio::buffer(text), testkit::use_tuple);
  c.touch();
  c.bytes_sent += n;
  co_return !ec;
}

asio::awaitable<void> pause(const asio::any_io_executor& ex, clock_type::duration time) {
  asio::steady_timer timer(ex, time);
  co_await timer.async_wait(testkit::use_tuple);
}

// Whether the client is still connected. The kernel is asked, because a stalled connection does not read.
bool is_there(tcp::socket& socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_FIN_WAIT1 || info.tcpi_state == TCP_FIN_WAIT2;
}

// What is on its way has been acknowledged: a reset would throw it away.
bool is_all_delivered(tcp::socket& socket) {
  int waiting = 0;
  return ::ioctl(socket.native_handle(), SIOCOUTQ, &waiting) != 0 || waiting == 0;
}

}  // namespace

asio::awaitable<void> end_as_told(tcp::socket& socket, ending how, const std::function<bool()>& is_asked_to_stop) {
  constexpr auto look_again = 20ms;
  constexpr auto parting = 2s;
  error_code ignored;
  const auto ex = socket.get_executor();
  const auto began = clock_type::now();
  if (how == ending::reset) {
    while (!is_all_delivered(socket) && is_there(socket) && clock_type::now() < began + parting) {
      co_await pause(ex, look_again);
    }
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);
    co_return;
  }
  if (how == ending::close) socket.shutdown(tcp::socket::shutdown_send, ignored);
  // Closing with the client's bytes unread would be a reset: it gets the time to leave by itself.
  while (is_there(socket) && !is_asked_to_stop() && (how == ending::stall || clock_type::now() < began + parting)) {
    co_await pause(ex, look_again);
  }
  socket.close(ignored);
}

asio::awaitable<void> strike(served_client& c) {
  c.is_failed = true;
  const std::function<bool()> is_asked = [&c] { return c.is_asked_to_stop; };
  co_await end_as_told(c.s.next_layer(), c.fail->then, is_asked);
}

asio::awaitable<bool> send(served_client& c, std::string_view text) {
  if (c.fail == nullptr) co_return co_await write_all(c, text);
  const auto rate = c.fail->bytes_a_second;
  while (!text.empty()) {
    auto some = static_cast<std::uint64_t>(text.size());
    if (c.fail->after) some = std::min(some, *c.fail->after - c.bytes_sent);
    if (rate > 0) some = std::min(some, std::max<std::uint64_t>(rate / 10, 1));
    const bool is_sent = co_await write_all(c, text.substr(0, some));
    if (!is_sent) co_return false;
    text.remove_prefix(some);
    if (c.bytes_sent == c.fail->after) {
      co_await strike(c);
      co_return false;
    }
    if (rate > 0) co_await pause(c.s.get_executor(), std::chrono::nanoseconds(1s) * some / rate);
    if (rate > 0 && c.is_asked_to_stop) co_return false;
  }
  co_return true;
}

}  // namespace sluice::tool
