// SPDX-License-Identifier: Apache-2.0
// The layer for any NextLayer. It is needed only for streams over something other than TCP and Unix sockets.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/errc.hpp>

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

// A NextLayer with a descriptor is read and written directly, beside Asio's own operations.
template <class T>
concept has_descriptor = requires(T& t) {
  { t.native_handle() } -> std::convertible_to<int>;
  t.native_non_blocking();
};

// Bytes that were read ahead of the connection, and the end of the input. The buffer is made when it is first needed.
class read_ahead {
 public:
  explicit read_ahead(std::size_t capacity) : capacity_(capacity) {}

  std::span<std::byte> room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (!bytes_) bytes_ = std::make_unique_for_overwrite<std::byte[]>(capacity_);
    return {bytes_.get() + end_, capacity_ - end_};
  }
  // The source was read into room(): its result.
  void filled(const error_code& ec, std::size_t n) {
    end_ += n;
    has_emptied_source_ = !ec && end_ < capacity_;
    if (ec && ec != net::error::operation_aborted && ec != boost::system::errc::operation_would_block) ended(ec);
  }
  // The source was read directly. It has no more bytes if the read did not fill the buffer that it was given.
  void passed(const error_code& ec, std::size_t n, std::size_t room) {
    has_emptied_source_ = n < room;
    if (ec == boost::system::errc::operation_would_block || (!ec && (n > 0 || room == 0))) return;
    ended(ec ? ec : net::error::eof);
  }
  void preload(std::span<const std::byte> more) {
    const auto held = rest();
    const auto size = std::max(capacity_, held.size() + more.size());
    auto made = std::make_unique_for_overwrite<std::byte[]>(size);
    std::ranges::copy(held, made.get());
    std::ranges::copy(more, made.get() + held.size());
    end_ = held.size() + more.size();
    begin_ = 0;
    capacity_ = size;
    bytes_ = std::move(made);
  }
  std::size_t take(std::span<std::byte> into) noexcept {
    const auto n = std::min(into.size(), end_ - begin_);
    if (n > 0) std::memcpy(into.data(), bytes_.get() + begin_, n);
    begin_ += n;
    return n;
  }
  void release_memory() noexcept {
    if (!is_empty()) return;
    bytes_.reset();
    begin_ = end_ = 0;
  }
  bool is_empty() const noexcept { return begin_ == end_; }
  std::span<const std::byte> rest() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  void expect_more() noexcept { has_emptied_source_ = false; }
  bool has_room() const noexcept { return (begin_ == end_ ? 0 : end_) < capacity_; }
  bool has_ended() const noexcept { return has_ended_; }
  // True at first as well: a wait asks the system whether there is input.
  bool has_emptied_source() const noexcept { return has_emptied_source_; }
  error_code why() const noexcept { return error_; }

 private:
  void ended(const error_code& ec) {
    has_ended_ = true;
    if (ec != net::error::eof) error_ = ec;
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t capacity_;  // of bytes_, where there are any
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool has_ended_ = false;
  bool has_emptied_source_ = true;
  error_code error_;
};

template <class NextLayer>
class layer_over final : public layer, private transport {
 public:
  using next_type = std::remove_reference_t<NextLayer>;

  explicit layer_over(NextLayer&& next) : next_(static_cast<NextLayer&&>(next)) {}

  next_type& next() noexcept { return next_; }

  net::any_io_executor executor() override { return next_.get_executor(); }
  transport& io() noexcept override { return *this; }

  void async_wait_input(layer_wait wait) override {
    if constexpr (can_wait) {
      ahead_.release_memory();
      is_waiting_ = true;
      next_.async_wait(next_type::wait_read, wait_done{this, &layer_over::readable, std::move(wait)});
    } else {
      async_fill(std::move(wait));
    }
  }
  void async_fill(layer_wait wait) override {
    if constexpr (can_wait) {
      if (!reads_ahead_) return async_wait_input(std::move(wait));
    }
    is_filling_ = true;
    next_.async_read_some(ahead_buffer(), wait_done{this, &layer_over::filled, std::move(wait)});
  }
  void async_drain(std::span<const std::byte> bytes, layer_wait wait) override {
    is_draining_ = true;
    next_.async_write_some(net::buffer(bytes.data(), bytes.size()),
                           wait_done{this, &layer_over::drained, std::move(wait)});
  }

  // By waiting, for the blocking calls. The descriptor must not be in use by an operation of Asio's in that direction,
  // which nothing completes while this thread waits: errc::in_use.
  void fill(error_code& ec, time_point deadline) override {
    if (is_filling_ || is_waiting_) {
      ec = make_error_code(errc::in_use);
      return;
    }
    if (!wait_for(POLLIN, ec, deadline)) return;
    if constexpr (is_direct) return ahead_.expect_more();  // read() reads the descriptor itself
    const auto n = next_.read_some(ahead_buffer(), ec);
    ahead_.filled(ec, n);
    if (ahead_.has_ended()) ec = {};  // the connection's next read() reports it
  }
  std::size_t drain(std::span<const std::byte> bytes, error_code& ec, time_point deadline) override {
    if (is_draining_) {
      ec = make_error_code(errc::in_use);
      return 0;
    }
    if (!wait_for(POLLOUT, ec, deadline)) return 0;
    const auto n = next_.write_some(net::buffer(bytes.data(), bytes.size()), ec);
    drained(std::exchange(ec, {}), n);
    return n;
  }

  void preload(std::span<const std::byte> bytes) override { ahead_.preload(bytes); }
  bool can_fill() const noexcept override { return ahead_.has_room() && !ahead_.has_ended(); }
  void expect_input() noexcept override { ahead_.expect_more(); }
  bool is_cancellable() const noexcept override { return can_wait; }
  bool has_ended() const noexcept override { return ahead_.has_ended(); }
  void stop_reading_ahead() noexcept override { reads_ahead_ = false; }
  std::span<const std::byte> unread() const noexcept override { return ahead_.rest(); }
  error_code ended_with() const noexcept override { return ahead_.why(); }

  bool is_owned() const noexcept override { return !std::is_reference_v<NextLayer>; }
  void end_output() noexcept override {
    error_code ignored;
    auto& lowest = lowest_layer_of(next_);
    if constexpr (requires { lowest.shutdown(std::remove_reference_t<decltype(lowest)>::shutdown_send, ignored); }) {
      lowest.shutdown(std::remove_reference_t<decltype(lowest)>::shutdown_send, ignored);
    }
  }
  void close() noexcept override try {
    error_code ignored;
    if (!is_owned()) return;
    auto& lowest = lowest_layer_of(next_);
    if constexpr (requires { next_.close(); } && !has_descriptor<next_type>) {
      next_.close();  // also ends the layer's own timers
    } else if constexpr (requires { lowest.close(ignored); }) {
      lowest.close(ignored);
    }
  } catch (...) {
    // A user's layer whose close() throws is closed by its destructor.
  }

 private:
  static constexpr bool is_direct = has_descriptor<next_type>;
  static constexpr bool can_wait = is_direct && requires { next_type::wait_read; };
  // Over a socket it is needed only while a key is waited for, when the connection does not read, and for small pieces
  // (read_socket).
  static constexpr std::size_t ahead_size = is_direct ? 1536 : 17 * 1024;

  // Records the result in the layer and gives the wait back. Its user keeps the layer alive.
  struct wait_done {
    layer_over* self;
    void (layer_over::*note)(const error_code&, std::size_t);
    layer_wait wait;

    using executor_type = net::any_io_executor;
    using allocator_type = wait_allocator<std::byte>;
    using cancellation_slot_type = net::cancellation_slot;
    executor_type get_executor() const noexcept { return *wait.executor; }
    allocator_type get_allocator() const noexcept { return allocator_type(wait.handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept { return wait.slot; }
    void operator()(error_code ec, std::size_t n = 0) {
      (self->*note)(ec, n);
      auto* const user = wait.user.get();
      user->wait_ended(std::move(wait), ec, n);
    }
  };

  void filled(const error_code& ec, std::size_t n) {
    is_filling_ = false;
    ahead_.filled(ec, n);
  }
  void readable(const error_code& ec, std::size_t) {
    is_waiting_ = false;
    if (ec) ahead_.filled(ec, 0);
    if (!ec) ahead_.expect_more();
  }
  // An error of the output is kept until the connection writes again: the peer may have sent an alert before it closed.
  void drained(const error_code& ec, std::size_t) {
    is_draining_ = false;
    if (ec && ec != net::error::operation_aborted && ec != net::error::would_block) write_error_ = ec;
  }

  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override {
    ec = {};
    if (const auto n = ahead_.take(into); n > 0) return n;
    if (ahead_.has_ended()) {
      ec = ahead_.why();
      return 0;
    }
    if constexpr (is_direct) {
      // A socket that has just been read empty is not read again before it has been waited for. The exception is a
      // broken output: the peer's alert may have arrived since.
      if (may_ask_socket()) return read_socket(into, ec);
    }
    ec = net::error::would_block;
    return 0;
  }
  bool may_have_input() const noexcept override {
    return !ahead_.is_empty() || ahead_.has_ended() || (is_direct && may_ask_socket());
  }
  bool may_ask_socket() const noexcept { return !is_filling_ && (write_error_ || !ahead_.has_emptied_source()); }
  // A small piece comes out of a larger read, because a connection that reads exactly asks for each record in two.
  std::size_t read_socket(std::span<std::byte> into, error_code& ec) noexcept try {
    socket_transport socket(next_.native_handle());
    if (!reads_ahead_ || into.size() >= ahead_size / 2) {
      const auto n = socket.read(into, ec);
      ahead_.passed(ec, n, into.size());
      return n;
    }
    const auto room = ahead_.room();
    const auto n = socket.read(room, ec);
    ahead_.filled(!ec && n == 0 ? error_code(net::error::eof) : ec, n);
    return ahead_.take(into);
  } catch (const std::bad_alloc&) {
    ec = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
    return 0;
  }
  net::mutable_buffer ahead_buffer() {
    const auto room = ahead_.room();
    return {room.data(), room.size()};
  }
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override {
    ec = write_error_;
    if constexpr (is_direct) {
      if (!ec && !is_draining_) {
        const auto n = socket_transport(next_.native_handle()).write(from, ec);
        if (!ec || ec == boost::system::errc::operation_would_block) return n;
        write_error_ = ec;
      }
      if (ec && is_filling_ && turns_to_hear_why_ > 0 && has_input()) {
        --turns_to_hear_why_;
        ec = {};
      }
    }
    if (!ec) ec = net::error::would_block;
    return 0;
  }
  // With a broken output, input may still hold the peer's alert, and belongs to a read of Asio's that is in progress.
  // That read gets some turns of the event loop to complete before the error is reported.
  bool has_input() noexcept {
    pollfd entry{next_.native_handle(), POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
  }

  bool wait_for([[maybe_unused]] short events, error_code& ec, [[maybe_unused]] time_point deadline) {
    ec = {};
    if constexpr (is_direct) {
      pollfd entry{next_.native_handle(), events, 0};
      for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
        const int n = ::poll(&entry, 1, static_cast<int>(std::clamp<long long>(left, 0, 3'600'000)));
        if (n > 0) return true;  // the operation itself reports an error of the socket
        if (n < 0 && errno != EINTR) {
          ec.assign(errno, boost::system::system_category());
          return false;
        }
        if (n == 0 && left <= 0) {
          ec = make_error_code(errc::timed_out);
          return false;
        }
      }
    }
    return true;
  }

  NextLayer next_;
  read_ahead ahead_{ahead_size};
  // While one of these is set, an operation of Asio's uses the descriptor for that direction, and nothing else may: the
  // bytes would be reordered.
  bool is_filling_ = false;
  bool is_draining_ = false;
  bool is_waiting_ = false;  // for input, without using the descriptor
  bool reads_ahead_ = true;
  error_code write_error_;
  int turns_to_hear_why_ = 16;
};

template <class NextLayer>
std::unique_ptr<layer> make_layer(NextLayer&& next) {
  return std::make_unique<layer_over<NextLayer>>(static_cast<NextLayer&&>(next));
}

template <class NextLayer>
std::remove_reference_t<NextLayer>& next_layer_of(layer& below) noexcept {
  return static_cast<layer_over<NextLayer>&>(below).next();
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
