// SPDX-License-Identifier: Apache-2.0
// The interface between the driver and the layer below a stream: a socket, or any other Asio stream.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/transport.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace sluice {
inline namespace v0 {
namespace detail {

// All functions run on the stream's executor. A handler has its cancellation slot associated, and the executor `on`,
// which is a parameter as well because a layer may have to post to it, which the executor of an erased handler does not
// allow.
class layer {
 public:
  using io_handler = erased_handler<error_code, std::size_t>;
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~layer() = default;
  virtual net::any_io_executor executor() = 0;

  // The transport that reads and writes without blocking.
  virtual transport& io() noexcept = 0;

  // Waits until io() has input. Over a socket nothing is read meanwhile, so that an idle stream has no buffer, and io()
  // may be used beside it; any other layer reads ahead. `on` must outlive the operation.
  virtual void async_wait_input(const net::any_io_executor& on, io_handler handler) = 0;
  // Reads some input into a buffer, from which io() reads first, so that the end of the input is found although the
  // connection reads nothing. It completes at once if that buffer is full.
  virtual void async_fill(const net::any_io_executor& on, io_handler handler) = 0;
  // Writes some of `bytes`, which must remain valid until the operation completes.
  virtual void async_drain(const net::any_io_executor& on, std::span<const std::byte> bytes, io_handler handler) = 0;

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
