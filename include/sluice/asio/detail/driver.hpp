// SPDX-License-Identifier: Apache-2.0
// The interface between a stream, which is a template, and its driver, which is compiled.
#pragma once

#include "sluice/asio/detail/layer.hpp"
#include "sluice/asio/stream_options.hpp"
#include "sluice/connection.hpp"
#include "sluice/gathered_buffers.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

// One stream's driver. Its functions do what the stream's functions of the same names promise; a `start_` function is
// the initiation of the `async_` one. It is implemented in src/asio/driver.hpp.
class stream_driver : public layer_user {
 public:
  // The stream's connection, for what it can report by itself.
  virtual const connection& tls() const noexcept = 0;
  // What the driver knows in addition: errors of calls that never reached the connection, the times of resolving and
  // connecting, and the bytes that were read from the layer and are not TLS.
  virtual const failure& last_failure() const noexcept = 0;
  virtual const handshake_timings& timings() const noexcept = 0;
  virtual connection_statistics statistics() const noexcept = 0;
  virtual std::vector<std::byte> read_ahead() const = 0;

  virtual void start_handshake(std::vector<std::byte> already_read, operation_handler handler) = 0;
  virtual void start_read(std::span<std::byte> into, operation_handler handler) = 0;
  // `from` is needed only during the call.
  virtual void start_write(const gathered_buffers& from, operation_handler handler) = 0;
  virtual void start_shutdown(bool waits_for_peer, operation_handler handler) = 0;

  virtual void handshake(error_code& ec) = 0;
  virtual std::size_t read_some(std::span<std::byte> into, error_code& ec) = 0;
  virtual std::size_t write_some(const gathered_buffers& from, error_code& ec) = 0;
  virtual void shutdown(bool waits_for_peer, error_code& ec) = 0;

  virtual error_code request_key_update() = 0;
  virtual void set_timeouts(std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) noexcept = 0;

  virtual layer& below() noexcept = 0;    // also after release()
  virtual layer& release() noexcept = 0;  // the driver does not use the layer any more
  virtual void stop() noexcept = 0;       // the stream is destroyed: cancels all operations, closes an owned layer
};

using driver_pointer = std::shared_ptr<stream_driver>;

driver_pointer make_driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options);

// Makes the layer for a NextLayer. It is defined in stream_impl.hpp, and instantiated in the library for TCP sockets,
// Unix sockets and references to them.
template <class NextLayer>
std::unique_ptr<layer> make_layer(NextLayer&& next);
template <class NextLayer>
std::remove_reference_t<NextLayer>& next_layer_of(layer& below) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace sluice
