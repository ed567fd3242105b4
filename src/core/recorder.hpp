// SPDX-License-Identifier: Apache-2.0
// Keeps both directions of a handshake, and when what passed; the messages are read out of it at the end.
#pragma once

#include "core/flight.hpp"
#include "sluice/handshake.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

class handshake_recorder {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit handshake_recorder(bool is_server) noexcept : is_server_(is_server) {}

  void received(std::span<const std::byte> bytes) { theirs_.saw(bytes); }
  void sent(std::span<const std::byte> bytes) { ours_.saw(bytes); }
  void saw_secrets(const traffic_secret& of_client, const traffic_secret& of_server) noexcept;  // the handshake's
  void chain_is_good() noexcept { verified_ = std::chrono::steady_clock::now(); }
  void key_is_asked() noexcept;

  handshake_transcript view(time_point began) const;

 private:
  struct direction {
    flight_record record;
    std::size_t size = 0;
    std::vector<std::pair<std::size_t, time_point>> passed;  // number of bytes by then

    void saw(std::span<const std::byte> bytes);
    time_point when(std::size_t end) const noexcept;
  };
  void add_messages(handshake_transcript& to, const read_flight& flight, const direction& d, time_point began) const;

  bool is_server_;
  direction ours_, theirs_;
  time_point verified_{}, key_asked_{};
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
