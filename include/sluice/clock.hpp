// SPDX-License-Identifier: Apache-2.0
// The clock of a context, for the validity of certificates, the lifetime of tickets and blinding delays.
#pragma once

#include <chrono>

namespace sluice {
inline namespace v0 {

// Derive from this class to test effects of time (an expired certificate, a blinding delay) without waiting. It is
// called on any thread.
class clock {
 public:
  virtual ~clock() = default;
  // The time of day: for the validity of certificates and OCSP responses, and for ticket keys and the age of sessions.
  virtual std::chrono::system_clock::time_point now() const noexcept { return std::chrono::system_clock::now(); }
  // A time that never goes back: for blinding delays and the lifetimes of make_session_store(). Time-outs of operations
  // do not use it.
  virtual std::chrono::steady_clock::time_point steady() const noexcept { return std::chrono::steady_clock::now(); }
};

}  // namespace v0
}  // namespace sluice
