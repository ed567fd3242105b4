// SPDX-License-Identifier: Apache-2.0
// What a connection reads ciphertext from and writes it to.
#pragma once

#include "sluice/error.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sluice::inline v0 {

// Never waits. Called only from inside the connection's own calls, on the same thread.
class transport {
 public:
  virtual ~transport() = default;

  // The bytes that are there, up to into.size(). 0 with `ec` clear is the end of the stream; 0 with
  // boost::system::errc::operation_would_block when there is nothing yet; any other `ec` is a broken transport.
  virtual std::size_t read(std::span<std::byte> into, error_code& ec) noexcept = 0;

  // How many bytes were taken; fewer than offered, or 0 with operation_would_block, when there is no more room.
  virtual std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept = 0;
};

// A connected stream socket: recv and send, never blocking whatever the descriptor's mode, without SIGPIPE.
class socket_transport final : public transport {
 public:
  explicit socket_transport(int descriptor) noexcept : descriptor_(descriptor) {}  // not owned
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override;
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override;

 private:
  int descriptor_;
};

// Two queues of bytes: for tests, and for carrying TLS over something that is not a socket. The owner moves
// bytes: put what came from the peer into `incoming`, take what must go to the peer from `outgoing`.
class memory_transport final : public transport {
 public:
  std::vector<std::byte> incoming;
  std::vector<std::byte> outgoing;
  bool incoming_ended = false;

  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override;
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override;
};

}  // namespace sluice::inline v0
