// SPDX-License-Identifier: Apache-2.0
// Reports each message of TLS itself to an observer, from the records that go by and the secrets they are under.
#pragma once

#include "core/wire/flight_reader.hpp"
#include "core/wire/framer.hpp"
#include "core/wire/record_opener.hpp"
#include "core/wire/traffic_secret.hpp"
#include "sluice/context.hpp"
#include "sluice/observe.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Both directions of one connection. Records wait in one queue, in the order they went by: one that is sealed comes
// before s2n has handed over the secret, and what follows it must not overtake it.
class message_tap {
 public:
  enum class way : std::uint8_t { in, out };

  message_tap(observer& to, bool is_server);

  void begin() noexcept { began_ = clock_type::now(); }
  void saw(way which, std::span<const std::byte> bytes);
  // The secret of a stage, of what `sender` sends; it is lacking until it was seen.
  bool lacks_secret(secret_stage at, role sender) const noexcept { return secret_of(at, sender).empty(); }
  void saw_secret(secret_stage at, role sender, const traffic_secret& seen) noexcept;
  // Reports the messages that are known by now.
  void report() noexcept;
  // All of it: what still waits for a secret will not get one.
  void tell_rest() noexcept;

 private:
  using clock_type = std::chrono::steady_clock;
  using bytes_type = std::vector<std::uint8_t>;
  using stage = secret_stage;
  enum class outcome : std::uint8_t { done, waits };

  struct record {
    way which;
    clock_type::time_point at;
    bytes_type bytes;
  };
  // One direction. `at` is the stage whose secret the next sealed record needs; `opener` is made of that secret when it
  // is known, and reset whenever `at` moves on. Stages are only ever entered forwards.
  struct lane {
    frame_collector records{framer::frame::record}, messages{framer::frame::message};
    stage at = stage::early;
    std::optional<record_opener> opener;
    bool is_sealed = false;  // TLS 1.2, after ChangeCipherSpec
    bool is_lost = false;    // what goes by is not TLS as we know it
  };
  lane& lane_of(way which) { return lanes_[static_cast<std::size_t>(which)]; }
  bool is_clients(way which) const { return (which == way::in) == is_server_; }
  bool is_tls13() const { return hello_ && hello_->is_tls13(); }
  void work(bool is_last) noexcept;
  outcome take(const record& one, bool is_last);
  outcome take_sealed(const record& one, bool is_last);
  bool prepare(const record& one);
  const traffic_secret& secret_of(stage at, role sender) const noexcept;
  const traffic_secret* secret_for(way which, stage at) const;
  void take_content(const record& one, std::uint8_t type, std::span<const std::uint8_t> plain, bool was_sealed);
  void take_messages(const record& one, std::span<const std::uint8_t> plain, bool was_sealed);
  void note(way which, std::uint8_t type, std::span<const std::uint8_t> body);
  void report(const record& one, message_event event) const noexcept;

  observer& to_;
  const bool is_server_;
  const std::uint64_t number_;
  clock_type::time_point began_ = clock_type::now();
  std::array<lane, 2> lanes_;
  // Whole records, of both directions. The front one may wait for a secret; all others wait behind it, because the
  // observer is promised the order of the wire.
  std::deque<record> queue_;
  std::optional<hello> hello_;
  std::array<traffic_secret, 3> client_secrets_, server_secrets_;  // by stage
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
