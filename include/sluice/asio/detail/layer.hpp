// SPDX-License-Identifier: Apache-2.0
// What the driver needs of the layer below a stream: a socket, or any other Asio stream.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/transport.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace sluice::inline v0::detail {

// All of it runs on the stream's executor. A handler given here already carries its slot, and the executor it is given
// beside; that is named once more since a layer may want to post there, which an erased handler's cannot do.
class layer {
 public:
  using io_handler = erased_handler<error_code, std::size_t>;
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~layer() = default;
  virtual net::any_io_executor executor() = 0;

  // What can be read and written right now.
  virtual transport& io() noexcept = 0;

  // Waits for input: reads some into a buffer that io() reads first. Completes at once when that buffer is full.
  // `on` lives until the operation has completed.
  virtual void async_fill(const net::any_io_executor& on, io_handler handler) = 0;
  // Writes some of `bytes`, which stay where they are until it completes.
  virtual void async_drain(const net::any_io_executor& on, std::span<const std::byte> bytes, io_handler handler) = 0;

  // The same by waiting; errc::timed_out at the deadline, where the layer can tell.
  virtual void fill(error_code& ec, time_point deadline) = 0;
  virtual std::size_t drain(std::span<const std::byte> bytes, error_code& ec, time_point deadline) = 0;

  // Takes what was read before TLS began (STARTTLS).
  virtual void preload(std::span<const std::byte> bytes) = 0;
  virtual bool can_fill() const noexcept = 0;  // there is room in that buffer
  virtual bool has_ended() const noexcept = 0;
  // Why it ended; clear for a plain end of the stream.
  virtual error_code ended_with() const noexcept = 0;

  // From here on no more is taken than io() is asked for, where that is possible: TLS is about to end.
  virtual void stop_reading_ahead() noexcept = 0;
  // What was read ahead, and nobody asked for.
  virtual std::span<const std::byte> unread() const noexcept = 0;

  virtual bool is_owned() const noexcept = 0;  // false for stream<T&>
  virtual void end_output() noexcept = 0;      // no more will be written: TCP's FIN
  virtual void close() noexcept = 0;           // outstanding operations end; borrowed layers stay open
};

}  // namespace sluice::inline v0::detail
