// SPDX-License-Identifier: Apache-2.0
// The state of one connection, in parts. Each is a value: a connection that starts over is assigned new parts, so that
// nothing of the peer before is left, whatever is added here.
#pragma once

#include "core/base/handles.hpp"
#include "core/chain_memory.hpp"
#include "core/flight.hpp"
#include "core/kept_session.hpp"
#include "core/recorder.hpp"
#include "core/signature_slot.hpp"
#include "core/wire/alert_reader.hpp"
#include "core/wire/alert_writer.hpp"
#include "core/wire/input_gate.hpp"
#include "core/wire/message_tap.hpp"
#include "core/wire/plain_flight_guard.hpp"
#include "core/wire/record_meter.hpp"
#include "sluice/connection.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Bytes that s2n believes are sent and the transport has not taken yet. They leave in order, before anything later.
class output_queue {
 public:
  bool empty() const noexcept { return leaving_.size() == gone_ && later_.empty(); }
  std::span<const std::byte> front() const noexcept { return std::span(leaving_).subspan(gone_); }
  void append(std::span<const std::byte> bytes);
  void pop(std::size_t bytes);
  void clear() noexcept;

 private:
  // Two, so that a span handed to an asynchronous write stays where it is while more is appended.
  std::vector<std::byte> leaving_, later_;
  std::size_t gone_ = 0;
};

// A signature that s2n has requested: the operation to complete, what to sign and with what.
struct pending_signature {
  pkey_op_handle op;
  std::shared_ptr<private_key> key;
  sign_request request;
  std::shared_ptr<signature_slot> slot;  // set once the work has started
  std::chrono::steady_clock::time_point began{};
  ~pending_signature() {
    if (slot) slot->abandon();
  }
};

// The peer that was asked for. Set when a connection begins, constant afterwards.
struct target_state {
  std::string server_name;  // client: a host name, or an IP literal, which is not sent; empty on a server
  bool is_ip = false;       // server_name is an IP literal
  std::string place;        // server_name, or the peer's role: for failure::where
  alpn_list alpn;           // the protocols of this connection, the context's unless it has its own
};

// The handshake, as far as s2n and the checks beside it have got.
struct handshake_state {
  // s2n is inside its handshake right now. Only then may a message be missing from what it sends.
  bool is_negotiating = false;
  // Client: the server's hello has passed the checks that do not need the whole flight. Never set on a server.
  bool has_judged_hello = false;
  // The peer's certificate is good only with a stapled OCSP response (RFC 7633). Set during verification.
  bool promises_staple = false;
  // s2n has finished, and no check has failed. Output may still be leaving, so that a broken transport can still fail
  // the handshake. Never cleared.
  bool is_negotiated = false;
  // The handshake is complete: is_negotiated, and all output has left. Cleared by a failure, with which it never
  // coincides.
  bool is_established = false;

  // The bytes of both directions, where something in them has to be checked: the peer's while
  // connection::impl::watches_flight(), a client's own until is_negotiated. Both are empty once it is established.
  flight_record flight, own_flight;
  // The same, and more, for `transcript`. It exists from the beginning until the handshake ends, if the context asks
  // for it; `transcript` exists from then on.
  std::unique_ptr<handshake_recorder> recorder;
  std::unique_ptr<const handshake_transcript> transcript;

  // The peer's chain, found good, and not known to the context yet: it is, once the handshake is complete.
  std::optional<chain_memory::entry> new_chain;

  std::string_view made_message;  // s2n's name, a literal, for the last message that it read or made

  // While it is set, s2n waits for a signature and is not called. A failure clears it.
  std::unique_ptr<pending_signature> signature;
  // The identity that was presented. It points into the context, which outlives it; null until the handshake is done,
  // and after a resumed one.
  const identity::state* shown = nullptr;
};

// Early data (0-RTT). A client's `data` is what it may send, and empty once the handshake has begun. A server's is what
// has come, until read() has returned all of it; read() returns none before the handshake is established.
struct early_state {
  std::vector<std::byte> data;
  std::size_t given = 0;  // server: bytes that read() has returned, at most data.size(); client: bytes that s2n took
  // Server that allows early data: it has not sent its first message, which settles whether any may come.
  bool is_awaited = false;
  // Server: s2n gets no more input in this call (settle_early_data() says why). Only while is_awaited is false.
  bool pauses_input = false;
};

// What arrives, on its way from the transport to s2n and to read().
struct input_state {
  explicit input_state(role side) : guard(side == role::server) {}

  error_code error;         // the last error of the transport when it was read, other than "would block"
  bool has_ended = false;   // the transport ended, without an error; it is not read any more
  bool is_drained = false;  // the last read of the transport returned less than there was room for
  bool is_closed = false;   // the peer's close_notify was received: no data follow

  // In the order in which bytes pass: `ahead` has what was read while a key was waited for, `first_header` sees whether
  // it is TLS at all, `guard` and `gate` whether s2n may have it, and when.
  alert_reader ahead;
  std::array<std::byte, 5> first_header{};  // of the peer's first record
  std::size_t first_size = 0;               // the bytes of it that are known; when all are, they have been checked
  plain_flight_guard guard;
  input_gate gate;

  // Plaintext that came before the alert that was looked for, when writing had failed. read() returns it before it
  // reports any failure.
  std::vector<std::byte> unread;
  std::size_t unread_given = 0;  // at most unread.size()
};

// What leaves: s2n puts it in `produced` during a call; `queue` keeps, between calls, what the transport did not take.
struct output_state {
  // Empty between calls: when a call ends, what the transport has not taken is moved to `queue`.
  std::vector<std::byte> produced;
  // Cleared when `error` is set, or at the next attempt to send: what was in it can never be sent.
  output_queue queue;
  error_code error;        // the transport broke for writing, for ever; reading may still deliver
  bool is_closed = false;  // our close_notify, or the alert of a failure, was made: nothing is encrypted any more
  alert_writer alerts;
  // The alert of a failure is out, or cannot be sent: nothing of this connection may be encrypted or sent any more.
  bool is_silenced = false;
};

// What went wrong. Only `latched` ends the connection.
struct error_state {
  failure latched;      // set once, never replaced: every later call reports it
  failure of_writing;   // explains output.error; set by the first write that reports it, unless `latched` is then
  failure of_call;      // of the last call that was rejected without effect; cleared when a write fails
  failure of_callback;  // why one of our own callbacks made s2n fail; replaces what s2n reports of it
  // The alert for the peer (RFC 8446 §6.2) where the code of the failure does not name it. Set by the check that
  // failed, before the failure is latched.
  std::optional<std::uint8_t> alert;
};

// What statistics() returns, and the observer gets. Counts only grow.
struct total_state {
  // `began` is set by the first call of handshake(); `ended` when that is done or has failed, exactly once.
  std::chrono::steady_clock::time_point began{}, ended{};
  std::chrono::nanoseconds signing{};  // the time that signatures took, without one that is pending
  std::uint32_t signatures = 0;        // requested, pending ones included
  std::uint64_t bytes_read = 0, bytes_written = 0;
  record_meter records_in, records_out;
  std::optional<std::uint8_t> alert_sent, alert_received;
};

// A connection goes through these states, in this order, and may fail in any of them:
//   new           totals.began is not set. Nothing was sent, and no session was taken from the store.
//   handshaking   totals.began is set. s2n negotiates, or waits for handshake.signature.
//   negotiated    handshake.is_negotiated. s2n is done; the last flight may still be in output.queue.
//   established   handshake.is_established. read() and write() work, each until its own direction ends:
//                 input.is_closed by the peer's close_notify, output.is_closed by ours. In TLS 1.2 one ends both.
//   failed        errors.latched has a code, and handshake.is_established is false. Only close_failed() still writes,
//                 once, and sets output.is_closed; read() still returns input.unread.
// A transport that breaks for writing (output.error) is no such state: it fails a handshake, and later only writes.
struct connection_parts {
  explicit connection_parts(role side) : input(side) {}

  target_state target;
  handshake_state handshake;
  early_state early;
  input_state input;
  output_state output;
  error_state errors;
  total_state totals;
  // Complete once the handshake is established, and kept over a later failure. A handshake that fails sets early_data.
  connection_info info;
  std::unique_ptr<session_use> sessions;  // of a client whose context has a store
  std::unique_ptr<message_tap> tap;       // where an observer wants messages
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
