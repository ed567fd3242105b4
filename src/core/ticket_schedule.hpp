// SPDX-License-Identifier: Apache-2.0
// Which keys seal a server's tickets, and when.
#pragma once

#include "core/base/handles.hpp"
#include "sluice/session.hpp"

#include <chrono>
#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace internal {

// s2n takes 48 keys a configuration and must not be given more once connections use it (P27). So a configuration gets
// those of the past that may still have to open a ticket, this period's, and as many of the future as there is room
// for; before they have run out, there has to be another.
class ticket_schedule {
 public:
  static result<ticket_schedule> make(const ticket_options& options);

  // Periods, counted from 1970.
  struct window {
    std::int64_t from = 0;  // earlier, the clock has been put back, and keys of the past are missing
    std::int64_t last = 0;  // the last key
  };
  // Turns tickets on and adds the keys that are right at `now`.
  result<window> install(s2n_config* config, std::chrono::system_clock::time_point now) const;
  // Is it still right? With a key to spare, for tickets of servers whose clocks are ahead.
  bool covers(const window& keys, std::chrono::system_clock::time_point now) const noexcept;

 private:
  ticket_schedule(secret seed, std::chrono::seconds period, std::chrono::seconds lifetime);
  std::int64_t period_at(std::chrono::system_clock::time_point now) const noexcept;

  secret seed_;
  std::chrono::seconds period_, lifetime_;
  std::int64_t past_;  // periods whose tickets may still be good
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
