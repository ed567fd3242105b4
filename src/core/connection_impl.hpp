// SPDX-License-Identifier: Apache-2.0
// What a connection is made of, shared by the files that implement it.
#pragma once

#include "core/base/handles.hpp"
#include "core/context_state.hpp"
#include "core/flight.hpp"
#include "core/kept_session.hpp"
#include "core/recorder.hpp"
#include "core/signature_slot.hpp"
#include "core/wire/alert_reader.hpp"
#include "core/wire/alert_writer.hpp"
#include "core/wire/hello_rules.hpp"
#include "core/wire/input_gate.hpp"
#include "core/wire/message_tap.hpp"
#include "core/wire/plain_flight_guard.hpp"
#include "core/wire/record_meter.hpp"
#include "sluice/connection.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
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

// A signature that s2n has asked for: the operation to complete, what to sign and with what.
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

// For objects that were moved from.
failure empty_object(const char* what);
const failure& empty_connection();
step empty_step();

}  // namespace internal

struct connection::impl {
  impl(const context& ctx, role side_asked);
  ~impl();

  // connection.cpp
  void begin(const connection_options& options);
  void configure(const connection_options& options);
  step failed_step() const { return {.error = why.code}; }
  error_code refuse(failure story);
  step refused_step(failure story) { return {.error = refuse(std::move(story))}; }
  step latch(failure story);
  step write_failed(transport& transport);
  bool hear_last_words(transport& transport);
  template <class Take>
  ssize_t read_on(Take take);
  std::size_t give_unread(std::span<std::byte> into) noexcept;
  bool has_half_close() const noexcept;

  // connection_close.cpp
  step send_close_notify(transport& transport);
  step await_close_notify(transport& transport, phase at);
  bool has_heard_close_notify();

  // connection_io.cpp: one call into s2n, with its callbacks pointed at `transport`, then what it produced is sent.
  class call;
  bool flush_output(transport& transport);
  step after_output() const;
  bool has_skipped_message(std::span<const std::byte> record) const noexcept;

  // connection_input.cpp
  int receive(std::span<std::byte> into);
  std::size_t receive_more(std::span<std::byte> into);
  bool is_in_order(std::span<const std::byte> arrived);
  bool is_tls_so_far(std::span<const std::byte> arrived);
  void refuse_input(const std::string& detail, const std::string& remedy);
  internal::input_gate::stage input_stage() const noexcept;
  bool reads_exactly() const noexcept;
  // Nothing came of a call that wanted to read.
  want want_input() const noexcept { return gate.is_spent() ? want::again : want::read; }

  // connection_handshake.cpp
  struct negotiation;
  step negotiate(transport& transport);
  negotiation run_negotiation(transport& transport);
  bool version_is_too_low() const noexcept;
  step version_refused();
  bool staple_is_missing() const noexcept;
  step staple_missed();
  std::optional<step> resume_signature();
  std::optional<failure> refused_meanwhile(transport& transport);
  int begin_signature(internal::pkey_op_handle op);
  void complete_handshake();
  void end_handshake(const failure* story);
  bool has_begun() const noexcept { return began != std::chrono::steady_clock::time_point{}; }

  // connection_hello.cpp: what must be refused in the peer's first flight, and s2n takes.
  bool judge_client_hello();
  bool judge_extensions(const internal::client_extensions& theirs);
  bool judge_last_hello();
  std::optional<failure> fault_of_server(bool is_done);

  // connection_early.cpp
  void expect_early_data(std::span<const std::byte> data);
  bool send_early_data(s2n_blocked_status& blocked);
  bool negotiate_and_take(s2n_blocked_status& blocked);
  void settle_early_data() noexcept;
  std::size_t give_early_data(std::span<std::byte> into) noexcept;
  void note_early_data();
  void note_lost_early_data() noexcept;
  bool is_early_data_full() const noexcept;
  bool has_early_input() const noexcept { return established && early_given < early.size(); }

  // connection_statistics.cpp
  static constexpr std::uint8_t close_notify = 0;
  void note_goodbye(std::uint64_t records_before) noexcept;
  void write_alert(transport& transport);
  void hear_goodbye() noexcept;
  connection_statistics statistics() const noexcept;
  void tell_closed() noexcept;

  // connection_failure.cpp
  failure engine_failure(phase at);
  failure told_by_peer(std::uint8_t description, phase at);
  failure transport_failure(const error_code& ec, phase at) const;
  void explain(failure& story) const;
  void explain_chain(failure& story) const;
  bool explain_engine(failure& story) const;
  void explain_cause(failure& story) const;
  std::string remedy_for_silence() const;
  std::vector<certificate> unverified_certificates() const;

  // connection_session.cpp
  void name_session(const connection_options& options);
  void resume_session() noexcept;
  void return_session() noexcept;
  void keep_session() noexcept;
  void keep_tickets() noexcept;
  void saw_ticket(secret bytes, std::chrono::seconds hint);
  void note_end(const X509* x509) noexcept;
  void put_session(const internal::kept_session& kept) noexcept;
  template <class Call>
  void ask_store(const char* what, Call call) noexcept;
  void store_failed(const char* what, const char* why) noexcept;

  bool watches_flight() const noexcept { return !negotiated && (side == role::client || ctx.verifies()); }
  void explain_ocsp(failure& story) const;

  // connection_verify.cpp
  bool accepts_chain();
  result<void> judge_chain();
  // connection_anchors.cpp
  internal::engine_configuration configuration();
  void choose_anchors();
  bool trusts(std::span<const std::byte> der) const;  // is it itself an anchor?

  context ctx;
  const role side;
  std::string server_name;  // client: whom we want; an IP literal is not sent
  std::string place;        // for failure.where
  bool is_ip = false;
  internal::engine_configuration engine;  // that `conn` has; freed after it
  bool owns_engine = false;               // nobody else has it
  bool has_judged_hello = false;          // the server's, before its flight is whole
  std::vector<std::string> alpn;
  internal::connection_handle conn;

  // During a call:
  transport* io = nullptr;
  error_code read_error;
  bool read_ended = false;
  std::vector<std::byte> produced;
  internal::alert_reader ahead;                // what arrived while a key was waited for
  std::unique_ptr<internal::message_tap> tap;  // where an observer wants messages
  // While the handshake lasts: what the peer sent, where there is something to judge in it; a client's own.
  internal::flight_record flight, own_flight;
  std::unique_ptr<internal::handshake_recorder> recorder;  // the same, and more, for transcript()
  internal::plain_flight_guard guard;
  internal::input_gate gate;
  std::string_view made_message;  // s2n's name for the last one that it read, or made
  bool is_negotiating = false;
  std::array<std::byte, 5> first_header{};  // of the peer's first record
  std::size_t first_size = 0;

  internal::output_queue output;
  error_code write_error;  // the transport is broken for writing; reading may still deliver

  failure why;        // latched when why.code is set
  failure write_why;  // the story of write_error, once it was told
  failure refused;    // the last call that had no effect, for last_failure()
  failure refusal;    // why one of our own callbacks refused; replaces what s2n says of it
  // What the peer is told of a failure (RFC 8446 §6.2), where its code does not say: set beside `refusal`.
  std::optional<std::uint8_t> alert;
  internal::alert_writer alerts;
  std::vector<std::byte> unread;  // plaintext that came before the alert that was looked for; for read()
  std::size_t unread_given = 0;
  bool is_silenced = false;      // the alert is out: nothing of this connection may be sealed or sent any more
  bool promises_staple = false;  // the peer's certificate does
  bool negotiated = false;       // s2n is done, output may still be leaving
  bool established = false;
  bool peer_closed = false;
  bool write_closed = false;
  connection_info info;
  std::unique_ptr<const handshake_transcript> seen;
  const identity::state* shown = nullptr;
  std::unique_ptr<internal::session_use> sessions;  // client, where there is a store
  // Client: to be sent. Server: what came, until the handshake is done and read() has given it all.
  std::vector<std::byte> early;
  std::size_t early_given = 0;     // server: by read(); client: to s2n
  bool awaits_early_data = false;  // server, until its first message
  bool pauses_input = false;       // server: for the rest of this call into s2n, nothing has arrived
  std::unique_ptr<internal::pending_signature> signature;

  // statistics() puts them together.
  std::chrono::steady_clock::time_point began{}, ended{};
  std::chrono::nanoseconds signing{};
  std::uint32_t signatures = 0;
  std::uint64_t bytes_read = 0, bytes_written = 0;
  internal::record_meter records_in, records_out;
  std::optional<std::uint8_t> alert_sent, alert_received;
};

}  // namespace v0
}  // namespace sluice
