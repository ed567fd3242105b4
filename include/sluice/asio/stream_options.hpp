// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sluice/alpn.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {

// The options of a stream over a layer that the program provides; async_connect and the acceptor have their own.
struct stream_options {
  // Client: the host name or IP address that the certificate must be for (see connection::connection). Sessions are
  // stored by this name, and by `port` if it is given.
  std::string server_name = {};
  // The application protocols, most preferred first. They replace the context's list unless they are empty.
  alpn_list alpn = {};
  // Client: the data to send with the ClientHello. See connection_options::early_data for what may be sent early.
  std::vector<std::byte> early_data = {};
  // The time-outs of the handshake and of a shutdown: errc::timed_out. stream::set_timeouts() changes them later. 0
  // times out at once.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds shutdown_timeout = std::chrono::seconds(5);
  // Client: the server's port. Without it, the sessions of two servers that have one name and two ports are confused.
  // 0 means that sessions are stored by the name alone.
  std::uint16_t port = 0;
  // The layer's executor runs one function at a time: an io_context that one thread runs, or a strand of the program's
  // own. Handshake and shutdown then need no strand, which is faster. The strands of an io_context, of a thread_pool
  // and of any_io_executor are recognised without it. If it is set and not true, the behaviour is undefined; debug
  // builds of the library assert it.
  bool serial = false;
};

}  // namespace v0
}  // namespace sluice
