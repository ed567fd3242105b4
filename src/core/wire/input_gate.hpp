// SPDX-License-Identifier: Apache-2.0
// How much of what has arrived s2n gets to see at a time. What it may not have yet waits here.
#pragma once

#include "core/wire/framer.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Three reasons to hold something back. A call into s2n ends only when there is no more input or data has come, so
// that a peer that never stops sending would keep the thread: a call has a budget. What arrives behind close_notify is
// not TLS, and s2n does not give back what it has read ahead: behind a record that may be one, it gets no more at a
// time. And in TLS 1.2 s2n does not write after it has received close_notify: a caller that has just been given data
// may answer first. What has arrived is in one of three places, in this order: s2n has it, it is held here, or it is
// still in the transport. While anything is held, nothing is taken from the transport, or the order would break. The
// framer follows what s2n has got, not what arrived: whether something may be held back is decided at the ends of its
// records only, because s2n has to be given a record that it has begun.
//
// The two budgets of a call end with the call; the two counts of idle records go on over calls, and start over when
// data come or the stage changes.
class input_gate {
 public:
  static constexpr std::size_t max_bytes = 256 * 1024;  // a call
  static constexpr std::size_t max_records = 64;        // a call
  // In a row, of what carries no data: empty records, KeyUpdate, warnings; and tickets, which are larger.
  static constexpr std::size_t max_idle = 32;
  static constexpr std::size_t max_idle_large = 256;

  enum class stage : std::uint8_t { handshake, open, closing };

  void begin_call(stage now, bool is_tls13) noexcept;
  // Data came out of s2n, and whoever gets them may answer before the next alert is seen, or not.
  enum class answer : bool { possible, impossible };
  void data_came(answer next = answer::possible) noexcept;

  // The budget of this call is used up, and nothing more may be taken.
  bool is_exhausted() noexcept;
  // Room for what is taken from the transport next, out of `into`; with `is_exact`, nothing beyond the record (or the
  // header) under way.
  std::span<std::byte> room(std::span<std::byte> into, bool is_exact) const noexcept;
  // `arrived`, at the beginning of `into`: how many of it s2n may have now. The rest is held.
  std::size_t admit(std::span<const std::byte> arrived);
  // The same, of what is held; copied into `into`.
  std::size_t admit_held(std::span<std::byte> into);

  // It was used up: there may be more.
  bool is_spent() const noexcept { return is_spent_; }
  // The peer sent more in a row than it has reason to.
  bool is_idling() const noexcept;

  // In order, what s2n has not seen.
  std::span<const std::byte> held() const noexcept { return std::span(held_).subspan(given_); }

 private:
  std::size_t admissible(std::span<const std::byte> bytes) noexcept;
  bool must_stop_before(std::byte type, bool is_later) noexcept;
  void note_record() noexcept;
  bool may_be_last(std::uint8_t type, std::size_t size) const noexcept;

  framer framer_{framer::frame::record};  // of what s2n has got
  stage stage_ = stage::handshake;
  bool is_tls13_ = false;
  bool has_data_ = false;  // in this call
  bool is_spent_ = false;
  std::size_t bytes_ = 0, records_ = 0;  // in this call
  std::size_t idle_ = 0, idle_large_ = 0;
  std::vector<std::byte> held_;
  std::size_t given_ = 0;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
