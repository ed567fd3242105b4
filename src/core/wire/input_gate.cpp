// SPDX-License-Identifier: Apache-2.0
#include "core/wire/input_gate.hpp"

#include "core/wire/numbers.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::size_t small = 64;  // an alert or a KeyUpdate, sealed and not padded, is

}  // namespace

// The stage may change between calls only. Records that were idle in one stage say nothing of the next: the tickets
// after a handshake, for example, are no reason to end a shutdown.
void input_gate::begin_call(stage now, bool is_tls13) noexcept {
  if (now != stage_) idle_ = idle_large_ = 0;
  stage_ = now;
  is_tls13_ = is_tls13;
  has_data_ = is_spent_ = false;
  bytes_ = records_ = 0;
}

void input_gate::data_came(answer next) noexcept {
  has_data_ = next == answer::possible;
  idle_ = idle_large_ = 0;
}

// Bytes are limited exactly; records at the end of one, since the record that is under way has to be finished.
bool input_gate::is_exhausted() noexcept {
  is_spent_ = is_spent_ || bytes_ == max_bytes || (records_ == max_records && framer_.is_between());
  return is_spent_;
}

std::span<std::byte> input_gate::room(std::span<std::byte> into, bool is_exact) const noexcept {
  const auto most = is_exact ? std::min(framer_.wanted(), max_bytes - bytes_) : max_bytes - bytes_;
  return into.first(std::min(into.size(), most));
}

std::size_t input_gate::admit(std::span<const std::byte> arrived) {
  const auto n = admissible(arrived);
  if (n < arrived.size()) held_.insert(held_.end(), arrived.begin() + static_cast<std::ptrdiff_t>(n), arrived.end());
  return n;
}

std::size_t input_gate::admit_held(std::span<std::byte> into) {
  const auto some = held().first(std::min(held().size(), into.size()));
  const auto n = admissible(some);
  std::copy_n(some.begin(), n, into.begin());
  given_ += n;
  // The memory is freed with it: a connection that holds nothing back keeps none.
  if (given_ == held_.size()) {
    held_ = {};
    given_ = 0;
  }
  return n;
}

// Asked for more, s2n has worked off all that it was given.
bool input_gate::is_idling() const noexcept {
  return framer_.is_between() && (idle_ > max_idle || idle_large_ > max_idle_large);
}

// A record is given to its end once it has begun.
std::size_t input_gate::admissible(std::span<const std::byte> bytes) noexcept {
  auto rest = bytes.first(std::min(bytes.size(), max_bytes - bytes_));
  const auto size = rest.size();
  bool is_later = false;  // something was admitted
  // One record after the other, as long as s2n may have it: no stop inside a record, and none behind a record that
  // leaves the connection as it is.
  while (!rest.empty() && !(framer_.is_between() && must_stop_before(rest.front(), is_later))) {
    const auto part = framer_.take(rest);
    is_later = true;
    if (part.begins) note_record();
    if (part.ends && may_be_last(framer_.type(), framer_.size())) break;
  }
  bytes_ += size - rest.size();
  return size - rest.size();
}

bool input_gate::must_stop_before(std::byte type, bool is_later) noexcept {
  if (records_ == max_records) {
    is_spent_ = true;
    return true;
  }
  if (is_idling()) return true;
  const bool is_alert = stage_ == stage::open && !is_tls13_ && type == std::byte{wire::record_alert};
  return is_alert && (is_later || has_data_);
}

// Sealed records do not show what they are. Those that are as small as an alert may be one; in TLS 1.2 the type is in
// the clear. A small record of data costs one more round of reading, and nothing else.
bool input_gate::may_be_last(std::uint8_t type, std::size_t size) const noexcept {
  return stage_ != stage::handshake && (size <= small || type == wire::record_alert);
}

// While a handshake lasts, its messages may come in as many records as the peer likes. In TLS 1.2 s2n does not report
// what it throws away while closing.
void input_gate::note_record() noexcept {
  ++records_;
  const auto type = framer_.type();
  if (stage_ == stage::closing && !is_tls13_) return;
  if (stage_ == stage::handshake && type != wire::record_alert && type != wire::record_change_cipher_spec) return;
  ++(framer_.size() <= small ? idle_ : idle_large_);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
