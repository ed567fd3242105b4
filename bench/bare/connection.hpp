// SPDX-License-Identifier: Apache-2.0
// A connection of s2n over a non-blocking socket, with nothing in between but an outbox that makes one send of many.
#pragma once

#include "bare/check.hpp"
#include "bare/poller.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace bench {

// What s2n writes during one call, of any connection of a loop: it is sent, and the outbox empty, before the next call.
class outbox {
 public:
  outbox() : bytes_(capacity) {}
  bool append(std::span<const std::uint8_t> more);  // false if there is no room
  std::span<const char> content() const { return {bytes_.data(), size_}; }
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t capacity = std::size_t{300} << 10;  // more than a chunk of 256 KiB with its records

  std::vector<char> bytes_;
  std::size_t size_ = 0;
};

enum class progress { done, blocked, closed, failed };  // closed: by the peer's close_notify

class connection {
 public:
  connection(s2n_mode mode, outbox& out) : tls_(s2n_connection_new(mode)), out_(out) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  // Takes a new socket. An earlier one was closed.
  void open(descriptor socket, s2n_config& config);
  // Sends close_notify if the handshake was completed, closes the socket and wipes the connection for the next one.
  void close();

  progress negotiate();
  progress read(std::span<char> buffer, std::size_t& bytes);
  // Takes as much as there is room for; what the socket does not take at once, flush() sends later.
  progress write(std::span<const char> data, std::size_t& bytes);
  // Sends the rest of what was written; true if there is none left.
  bool flush();
  // True if read() may return data without a new event of the socket.
  bool has_buffered() const;

  int socket() const { return socket_.get(); }
  s2n_connection& native() { return *tls_; }

 private:
  static int receive(void* self, std::uint8_t* buffer, std::uint32_t size);
  static int send(void* self, const std::uint8_t* data, std::uint32_t size);
  void send_outbox();

  s2n_handle<s2n_connection> tls_;
  outbox& out_;
  descriptor socket_;
  std::string unsent_;
  bool is_established_ = false;
};

}  // namespace bench
