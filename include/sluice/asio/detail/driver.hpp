// SPDX-License-Identifier: Apache-2.0
// The compiled part of a stream. It waits for sockets, timers and keys on behalf of the connection.
#pragma once

#include "sluice/asio/detail/layer.hpp"
#include "sluice/connection.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {

// The options of a stream over a layer that the program provides; async_connect has its own.
struct stream_options {
  // Client: the name or IP address that the certificate must be for (see connection::connection). Sessions are stored
  // by name, and by `port` if it is given; without it, the sessions of two servers of one name, on two ports, are
  // confused.
  std::string server_name = {};
  std::vector<std::string> alpn = {};      // replaces the context's list unless it is empty
  std::vector<std::byte> early_data = {};  // client: see connection_options for what may be sent early
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);  // see stream::set_timeouts
  std::chrono::nanoseconds shutdown_timeout = std::chrono::seconds(5);
  std::uint16_t port = 0;  // client: see connection_options
};

namespace detail {

class driver;
using driver_pointer = std::shared_ptr<driver>;
using void_handler = erased_handler<error_code>;
using size_handler = erased_handler<error_code, std::size_t>;

// The first buffers of a write, by value, because an operation may start later than it was created.
struct gathered_buffers {
  std::array<::iovec, 16> parts;
  std::size_t count = 0;
};

driver_pointer make_driver(std::unique_ptr<layer> below, const context& ctx, role side, stream_options options);
// For a stream that is returned with an error: it can only report that error.
driver_pointer make_failed_driver(std::unique_ptr<layer> below, const context& ctx, failure why);
void destroy(driver_pointer d) noexcept;  // cancels all operations and closes the layer if it is owned

void start_handshake(driver& d, std::vector<std::byte> already_read, void_handler handler);
void start_read(driver& d, std::span<std::byte> into, size_handler handler);
void start_write(driver& d, const gathered_buffers& from, size_handler handler);
void start_shutdown(driver& d, bool waits_for_peer, void_handler handler);

void handshake(driver& d, std::span<const std::byte> already_read, error_code& ec);
std::size_t read_some(driver& d, std::span<std::byte> into, error_code& ec);
std::size_t write_some(driver& d, const gathered_buffers& from, error_code& ec);
void shutdown(driver& d, bool waits_for_peer, error_code& ec);

void set_timeouts(driver& d, std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown);
layer& release(driver& d) noexcept;                   // the driver does not use the layer any more
std::vector<std::byte> bytes_ahead(const driver& d);  // bytes that were read from the layer and are not TLS
const connection_info& info(const driver& d) noexcept;
const failure& last_failure(const driver& d) noexcept;
const handshake_timings& timings(const driver& d) noexcept;
connection_statistics statistics(const driver& d) noexcept;
void set_connect_timings(driver& d, std::chrono::nanoseconds resolve, std::chrono::nanoseconds connect);
std::vector<certificate> verified_chain(const driver& d);
std::vector<certificate> unverified_certificates(const driver& d);
const handshake_transcript& transcript(const driver& d) noexcept;
std::optional<identity> selected_identity(const driver& d);
bool is_established(const driver& d) noexcept;
error_code request_key_update(driver& d);

// Makes the layer for a NextLayer. It is defined in stream_impl.hpp, and instantiated in the library for TCP sockets,
// Unix sockets and references to them.
template <class NextLayer>
std::unique_ptr<layer> make_layer(NextLayer&& next);
template <class NextLayer>
std::remove_reference_t<NextLayer>& next_layer_of(layer& below) noexcept;
layer& layer_of(driver& d) noexcept;

}  // namespace detail

}  // namespace v0
}  // namespace sluice
