// SPDX-License-Identifier: Apache-2.0
// The last record of a connection that has failed: a fatal alert that names the cause (RFC 8446 §6.2), or nothing.
// Never close_notify, which would mean to the peer that it has read all there was.
#pragma once

#include "core/wire/framer.hpp"
#include "core/wire/traffic_secret.hpp"
#include "sluice/context.hpp"
#include "sluice/error.hpp"

#include <s2n.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// alert_map.cpp. The alert for a failure; nothing if it was the peer that ended the connection. `version`
// is s2n's number of the one in use.
std::optional<std::uint8_t> alert_for(const failure& error, int version, role side);
// For s2n_errno right now, while `message` was read: where only s2n knows what went wrong, and where causes must not
// be distinguishable. Nothing: the failure's own code names it.
std::optional<std::uint8_t> alert_for_engine_error(std::string_view message);

// Knows under which key, and with which number, one more record may be sealed. Where that is not certain it writes
// nothing, and the peer sees a cut.
//
// s2n seals with the key and the number it has at hand: plain before keys, and by any cipher suite afterwards. Only
// a TLS 1.3 client between ServerHello and the server's Finished is not in step with the peer, which expects the
// client's handshake key by then, while s2n installs it later: there the alert is sealed here, under number 0.
class alert_writer {
 public:
  // s2n has the handshake's keys; a client passes the secret of its own. And what s2n hands over to be sent. Both while
  // the handshake lasts.
  void has_keys(const traffic_secret& of_client) noexcept;
  bool knows_keys() const noexcept { return has_handshake_key_; }
  void sent(std::span<const std::byte> bytes) noexcept;
  // s2n has sealed something that never left: its numbers are no longer the peer's.
  void lost_output() noexcept { is_lost_ = true; }
  // Our ServerHello is not sent: the peer expects an answer in the clear, and the engine has left that state.
  void keeps_hello() noexcept { is_plain_ = true; }
  void handshake_is_done() noexcept;
  void forget() noexcept { *this = alert_writer(); }

  // Once, when no call into s2n will follow. Empty: s2n has sent the alert through its own callback, or nothing can be
  // said. Else a record to be sent as it is.
  std::vector<std::uint8_t> write(s2n_connection* conn, role side, std::uint8_t description) const;

 private:
  // none: the peer could not open it, and would take it for an attack. by_engine: s2n's key and number are those that
  // the peer expects. sealed_here: only the first record under the client's handshake key, which s2n does not use in
  // time. plain: our ServerHello was never sent, so the peer has no keys.
  enum class way : std::uint8_t { none, by_engine, sealed_here, plain };
  way choose(s2n_connection* conn, role side) const noexcept;

  traffic_secret traffic_;  // a client's handshake traffic secret
  bool has_handshake_key_ = false;
  bool is_done_ = false;
  bool is_lost_ = false;
  bool is_plain_ = false;
  bool has_changed_cipher_ = false;  // our ChangeCipherSpec is out; it means something below TLS 1.3 only
  std::uint64_t since_change_ = 0;   // records after it
  std::uint64_t sealed_ = 0;         // records of outer type 23 since has_keys()
  std::uint64_t sealed_before_ = 0;  // such records before: a client's early data; a server's have the handshake's key
  framer framer_{framer::frame::record};
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
