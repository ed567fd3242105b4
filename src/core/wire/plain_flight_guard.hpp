// SPDX-License-Identifier: Apache-2.0
// Refuses handshake messages that share a record with one that has to be its last, before s2n sees them.
#pragma once

#include "core/wire/framer.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// After some messages it is the other side's turn, or keys change, and nothing may follow them in their record
// (RFC 8446 §5.1, RFC 5246 §7.4.5). s2n up to 0.3.47 keeps what does for its own next message, whose making it then
// leaves out. The messages in the clear are followed here as they arrive, split over records and reads at will; of the
// sealed ones connection::impl::has_skipped_message() takes care.
// `ended_` is the message that ended in the record under way, and no_message again with each new record. `follows_` is
// true while messages are in the clear. Nothing is parsed but a ServerHello, which says what version this is; the size
// of that one is bounded before it is kept.
class plain_flight_guard {
 public:
  explicit plain_flight_guard(bool is_server = false) noexcept : is_server_(is_server) {}

  // What is wrong with these bytes, the next that arrived; empty when s2n may have them. The record they belong to is
  // never whole before it has passed here.
  std::string_view refuses(std::span<const std::byte> arrived);

  // Server: what its first message settles. A client reads it in the ServerHello.
  void settle(bool is_tls13) noexcept { version_ = is_tls13 ? version::tls13 : version::older; }
  // The handshake is over: from now on only the types of records are looked at.
  void end() noexcept;

 private:
  enum class version : std::uint8_t { unknown, older, tls13 };

  std::string_view begin_record();
  std::string_view take_messages(std::span<const std::byte> bytes);
  std::string_view begin_message(std::uint8_t type) const noexcept;
  std::string_view begin_body();
  void end_message();
  bool is_inside_message() const noexcept { return !message_.is_between(); }

  framer record_{framer::frame::record}, message_{framer::frame::message};
  bool is_server_;
  bool follows_ = true;
  version version_ = version::unknown;
  bool has_certificate_ = false;  // server: the client sent one

  std::uint8_t ended_ = no_message;  // the last message that ended in this record
  static constexpr std::uint8_t no_message = 0xff;
  std::vector<std::uint8_t> hello_;  // the body of a ServerHello
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
