// SPDX-License-Identifier: Apache-2.0
// The interface between the driver and the layer below a stream: a socket, or any other Asio stream.
#pragma once

#include "sluice/asio/detail/erase.hpp"
#include "sluice/asio/net.hpp"
#include "sluice/transport.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/recycling_allocator.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace sluice {
inline namespace v0 {
namespace detail {

// What a wait on the layer is for.
enum class wait_kind : char { read, write, bounded_input, bounded_output, own_input, own_output };

struct layer_wait;

// The driver, to which a wait is given back when it has ended.
class layer_user {
 public:
  virtual ~layer_user() = default;
  virtual void wait_ended(layer_wait ended, const error_code& ec, std::size_t n) = 0;
};

// A wait on the layer, with the user's operation that it belongs to, if it belongs to one. It is a type of its own and
// not an erased handler, because each operation that is not done at once has a wait.
struct layer_wait {
  std::shared_ptr<layer_user> user;
  const net::any_io_executor* executor;  // a member of the user
  net::cancellation_slot slot;
  operation_handler handler;
  wait_kind kind;
};

// The memory of a wait: from the allocator of the user's handler, if there is one.
template <class T>
class wait_allocator {
 public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = wait_allocator<U>;
  };
  explicit wait_allocator(const operation_handler& handler) noexcept {
    if (handler) given_.emplace(handler.get_allocator());
  }
  template <class U>
  wait_allocator(const wait_allocator<U>& other) noexcept {
    if (other.given()) given_.emplace(*other.given());
  }

  T* allocate(std::size_t n) { return given_ ? given_->allocate(n) : net::recycling_allocator<T>().allocate(n); }
  void deallocate(T* at, std::size_t n) noexcept {
    given_ ? given_->deallocate(at, n) : net::recycling_allocator<T>().deallocate(at, n);
  }
  const auto& given() const noexcept { return given_; }
  template <class U>
  bool operator==(const wait_allocator<U>& other) const noexcept {
    return given_ == other.given();
  }

 private:
  std::optional<net::any_completion_handler_allocator<T, void(error_code, std::size_t)>> given_;
};

// All functions run on the stream's executor.
class layer {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~layer() = default;
  virtual net::any_io_executor executor() = 0;

  // The transport that reads and writes without blocking.
  virtual transport& io() noexcept = 0;

  // Waits until io() has input. Over a socket nothing is read meanwhile, so that an idle stream has no buffer, and io()
  // may be used beside it; any other layer reads ahead.
  virtual void async_wait_input(layer_wait wait) = 0;
  // Reads some input into a buffer, from which io() reads first, so that the end of the input is found although the
  // connection reads nothing. It completes at once if that buffer is full.
  virtual void async_fill(layer_wait wait) = 0;
  // Writes some of `bytes`, which must remain valid until the operation completes.
  virtual void async_drain(std::span<const std::byte> bytes, layer_wait wait) = 0;

  // The blocking forms; errc::timed_out at the deadline, if the layer supports one.
  virtual void fill(error_code& ec, time_point deadline) = 0;
  virtual std::size_t drain(std::span<const std::byte> bytes, error_code& ec, time_point deadline) = 0;

  // Takes the bytes of TLS that were read before the handshake began (STARTTLS).
  virtual void preload(std::span<const std::byte> bytes) = 0;
  virtual bool can_fill() const noexcept = 0;  // the input has not ended, and the buffer of async_fill() has room
  // The next read of io() asks the socket, although the last one found it empty.
  virtual void expect_input() noexcept = 0;
  // A wait ends at once when its cancellation slot is emitted to.
  virtual bool is_cancellable() const noexcept = 0;
  virtual bool has_ended() const noexcept = 0;
  // The error with which the input ended; clear for the end of the stream.
  virtual error_code ended_with() const noexcept = 0;

  // From now on reads no more than io() requests, if the layer can do that, because TLS is about to end.
  virtual void stop_reading_ahead() noexcept = 0;
  // The bytes that were read ahead and not requested.
  virtual std::span<const std::byte> unread() const noexcept = 0;

  virtual bool is_owned() const noexcept = 0;  // false for stream<T&>
  virtual void end_output() noexcept = 0;      // ends the output: TCP's FIN
  virtual void close() noexcept = 0;           // cancels outstanding operations; a borrowed layer stays open
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
