// SPDX-License-Identifier: Apache-2.0
// The transport: the interface from which a connection reads ciphertext, and to which it writes it.
#pragma once

#include "sluice/error.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {

// A transport never blocks. It is called only from inside the connection's own calls, on the same thread.
class transport {
 public:
  virtual ~transport() = default;

  // Reads the bytes that have arrived, up to into.size(), and returns their number. 0 with `ec` clear means the end of
  // the stream, 0 with boost::system::errc::operation_would_block that nothing has arrived yet; any other `ec` means
  // that the transport is broken.
  virtual std::size_t read(std::span<std::byte> into, error_code& ec) noexcept = 0;

  // Returns false only if read() would certainly report operation_would_block now; the connection may then skip the
  // call. The default is true, which is always correct.
  virtual bool may_have_input() const noexcept { return true; }

  // Returns the number of bytes that were accepted: fewer than offered, or 0 with operation_would_block, if there is no
  // more room.
  virtual std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept = 0;
};

// A connected stream socket. It uses recv(2) and send(2) so that they never block, whatever the descriptor's mode, and
// never raise SIGPIPE.
class socket_transport final : public transport {
 public:
  explicit socket_transport(int descriptor) noexcept : descriptor_(descriptor) {}  // not owned
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override;
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override;

 private:
  int descriptor_;
};

// Two queues of bytes, for tests and for TLS over something that is not a socket. The owner appends the bytes that it
// received from the peer to `incoming`, and sends the bytes that it finds in `outgoing` to the peer.
class memory_transport final : public transport {
 public:
  std::vector<std::byte> incoming;  // ciphertext from the peer; read() removes what it returns
  std::vector<std::byte> outgoing;  // ciphertext for the peer; grows without limit until the owner takes it
  bool incoming_ended = false;      // once `incoming` is empty, read() reports the end of the stream

  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override;
  bool may_have_input() const noexcept override { return !incoming.empty() || incoming_ended; }
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override;
};

}  // namespace v0
}  // namespace sluice
