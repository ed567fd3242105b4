// SPDX-License-Identifier: Apache-2.0
// What a peer sent during a handshake that failed. s2n shows a chain only once it has accepted it (P32); people need
// to see the one that was refused. The bytes are read a second time here: TLS 1.2's are in the clear, TLS 1.3's are
// opened with the peer's handshake traffic secret. For diagnosis only; nothing is decided by it.
#pragma once

#include "core/wire/flight_reader.hpp"
#include "sluice/certificate.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

class flight_record {
 public:
  // Ciphertext as it arrives, while the handshake lasts; at most 128 KiB are kept.
  void saw(std::span<const std::byte> bytes);
  // The handshake traffic secret of whoever sends these bytes.
  void saw_secret(const traffic_secret& senders) noexcept { secret_ = senders; }
  void forget() noexcept;
  std::size_t size() const noexcept { return bytes_.size(); }

  // The certificates of the peer's Certificate message, leaf first; none when there was no such message, or it cannot
  // be read. DER that does not parse ends the list. `settled` is for servers; clients read it from the ServerHello.
  std::vector<certificate> certificates(std::optional<hello> settled = std::nullopt) const;
  // Every message that can be read, and the hello that counts: `settled`, or what is in it.
  read_flight messages(std::optional<hello> settled = std::nullopt) const;
  // The server's hello, if it came.
  std::optional<hello> server_hello() const;

 private:
  std::vector<std::byte> bytes_;
  traffic_secret secret_;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
