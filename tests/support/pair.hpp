// SPDX-License-Identifier: Apache-2.0
// Two connections in memory, and transports that behave badly on purpose.
#pragma once

#include "sluice/connection.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

inline constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

// One direction's bytes on their way.
struct wire {
  std::deque<std::byte> bytes;
  bool is_cut = false;  // the writer has gone
};

// The end of two wires. Moves at most `chunk` bytes a call, and can be told to fail or block at the n-th call.
class pipe_end final : public transport {
 public:
  pipe_end(wire& in, wire& out) : in_(in), out_(out) {}
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override;
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override;

  std::size_t chunk = all;
  // Asked before each call, with its number from 0: an error to answer with instead.
  std::function<error_code(std::size_t call)> interfere;
  std::size_t calls = 0;
  bool accepts_output = true;  // false: every write would block

 private:
  std::optional<error_code> interference() noexcept;
  wire& in_;
  wire& out_;
};

// A client and a server joined by two wires.
class pair {
 public:
  pair(const context& client_ctx, const context& server_ctx,
       const connection_options& client_options = {.server_name = "localhost", .alpn = {}});

  wire to_server, to_client;
  pipe_end client_io{to_client, to_server};
  pipe_end server_io{to_server, to_client};
  connection client;
  connection server;

  // Alternates until both are done or stuck. External work is waited for. True: both established.
  bool handshake();
  // One side only, as far as it gets; external work is waited for.
  static step drive(connection& c, transport& io);

  // Writes all of it on one side, reading on the other; answers what arrived.
  std::string send(connection& from, transport& from_io, connection& to, transport& to_io, const std::string& text);
  std::string client_to_server(const std::string& text) { return send(client, client_io, server, server_io, text); }
  std::string server_to_client(const std::string& text) { return send(server, server_io, client, client_io, text); }
};

step write_text(connection& c, transport& io, std::string_view text);
// Everything that can be read now; `last` gets the final step.
std::string read_all(connection& c, transport& io, step* last = nullptr);
std::string random_text(std::size_t size, unsigned seed = 1);

}  // namespace sluice::test
