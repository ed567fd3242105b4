// SPDX-License-Identifier: Apache-2.0
// A client connection of the load: TCP, then TLS, then what its owner does with it.
#pragma once

#include "bare/connection.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace bench {

class client {
 public:
  client(poller& events, outbox& out, s2n_config& config, std::uint16_t port)
      : tls_(S2N_CLIENT, out), events_(events), config_(config), port_(port) {}

  // Begins to connect; with a ticket, to resume its session.
  void begin(const std::string& ticket);
  // Goes on after an event; true once the handshake is complete.
  bool advance();
  bool is_established() const { return is_established_; }
  bool is_resumed() { return s2n_connection_is_session_resumed(&tls_.native()) == 1; }
  void end();

  // All of it, as one record of a new flight.
  void send(std::span<const char> message);
  // What there is, at most the buffer's size; 0 if nothing came yet.
  std::size_t receive(std::span<char> buffer);
  // Sends as much of `bytes` bytes as the socket takes, and waits for the socket or, once all are sent, for an answer.
  std::size_t send_some(std::uint64_t bytes, std::size_t chunk);
  bool is_sending() const { return waits_for_ == EPOLLOUT; }

  std::chrono::steady_clock::time_point began;  // the owner's
  std::uint64_t left = 0;                       // the owner's: bytes to come, or to be sent

 private:
  void wait_for(std::uint32_t events);

  connection tls_;
  poller& events_;
  s2n_config& config_;
  std::uint16_t port_;
  std::uint32_t waits_for_ = 0;
  bool is_connected_ = false, is_established_ = false;
};

}  // namespace bench
