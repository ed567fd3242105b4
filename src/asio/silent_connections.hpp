// SPDX-License-Identifier: Apache-2.0
// Accepted connections whose first record has not come: each costs a socket, and the oldest goes first.
#pragma once

#include "asio/driver.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

struct accepted_connection {
  net::ip::tcp::socket socket;
  serial_executor home;  // its stream's
  net::ip::tcp::endpoint peer;
  std::vector<std::byte> first = {};  // the first record, or what came in its place
};

struct silence_limits {
  std::chrono::nanoseconds timeout;
  std::size_t most;             // of all
  std::size_t max_per_address;  // of one address, IPv6 by its /64; 0: no such limit
};

// Runs on one strand, `serial`; shared with the waits it begins. It reads the first record for the handshake
// that follows.
class silent_connections : public std::enable_shared_from_this<silent_connections> {
 public:
  using spoke = std::function<void(accepted_connection)>;
  using gave_up = std::function<void(const failure&, const net::ip::tcp::endpoint&)>;

  silent_connections(net::any_io_executor serial, silence_limits limits);

  // One of the two is called for each that was added, unless it is closed by clear(). Neither inside add().
  void on(spoke has_spoken, gave_up has_gone);
  void add(accepted_connection one);
  bool is_full() const noexcept { return waiting_.size() >= limits_.most; }
  std::size_t size() const noexcept { return waiting_.size(); }
  // Closes the oldest, to make room; false where there is none.
  bool drop_oldest();
  void clear() noexcept;

 private:
  using clock_type = std::chrono::steady_clock;
  // `is_gone` is set when the entry leaves the list, in whatever way: a wait on its socket that ends afterwards finds
  // it. The entry itself lives as long as that wait.
  struct entry : accepted_connection {
    explicit entry(accepted_connection one) : accepted_connection(std::move(one)) {}
    clock_type::time_point since = clock_type::now();
    int asked_for = 1;  // bytes that end the wait (SO_RCVLOWAT)
    std::list<std::shared_ptr<entry>>::iterator place;
    bool is_gone = false;
  };
  using entry_pointer = std::shared_ptr<entry>;

  void wait(const entry_pointer& one);
  void read(const entry_pointer& one, const error_code& ec);
  void drop(const entry_pointer& one, const std::string& reason);
  void drop_silent();
  void arm();

  const net::any_io_executor serial_;
  const silence_limits limits_;
  spoke has_spoken_;
  gave_up has_gone_;
  // By time of arrival, so that the time-out is always due at the front, whatever the addresses are.
  std::list<entry_pointer> waiting_;  // oldest first
  net::steady_timer timer_;
  // One timer at most: it is set for the oldest and set again when it ends, although the oldest may have spoken since.
  bool is_armed_ = false;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
