// SPDX-License-Identifier: Apache-2.0
// What a connection is made of, shared by the files that implement it.
#pragma once

#include "core/connection_parts.hpp"
#include "core/context_state.hpp"
#include "core/wire/hello_rules.hpp"
#include "sluice/connection.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {

namespace internal {

// For objects that were moved from.
failure empty_object(const char* what);
const failure& empty_connection();
step empty_step();

}  // namespace internal

// The parts are what reset() replaces. The members here outlive it: the context, the role, and s2n's connection, which
// is wiped.
struct connection::impl : internal::connection_parts {
  impl(const context& ctx, role side_asked);
  ~impl();

  const context::state& shared() const noexcept { return *internal::access::state(ctx); }

  // connection.cpp
  // Both start a connection whose parts are new: begin() checks the options, configure() hands them to s2n. What is
  // wrong is latched, and reported by the first call.
  void begin(const connection_options& options);
  void configure(const connection_options& options);
  internal::connection_handle new_connection() const noexcept;
  bool is_reusable() const noexcept;
  step failed_step() const { return {.error = errors.latched.code}; }
  // A call without effect: the failure is kept for last_failure(), and nothing else changes.
  error_code refuse(failure error);
  step refused_step(failure error) { return {.error = refuse(std::move(error))}; }
  // Ends the connection with the first failure that comes here; later ones are ignored. Explains it, ends the handshake
  // if one is under way, and calls the observer.
  step latch(failure error);
  // connection_parting.cpp: after output.error was set. They read what the peer sent before it left; false: there is
  // more.
  step write_failed(transport& transport);
  bool look_for_alert(transport& transport);
  template <class Take>
  ssize_t read_on(Take take);
  std::size_t give_unread(std::span<std::byte> into) noexcept;
  bool has_half_close() const noexcept;

  // connection_close.cpp
  step send_close_notify(transport& transport);
  step await_close_notify(transport& transport, phase at);
  bool reads_close_notify();

  // connection_io.cpp: one call into s2n, with its callbacks pointed at `transport`, then what it produced is sent.
  class call;
  // Sends output.queue; true when it is empty, which it also is once output.error is set.
  bool flush_output(transport& transport);
  step after_output() const;
  bool has_skipped_message(std::span<const std::byte> record) const noexcept;

  // connection_input.cpp: nothing reaches s2n that is_in_order() has not passed. What does not is put in
  // errors.of_callback, after which s2n gets no more input.
  int receive(std::span<std::byte> into);
  std::size_t receive_more(std::span<std::byte> into);
  bool is_in_order(std::span<const std::byte> arrived);
  bool is_tls_so_far(std::span<const std::byte> arrived);
  void refuse_input(const std::string& detail, const std::string& remedy);
  internal::input_gate::stage input_stage() const noexcept;
  bool reads_exactly() const noexcept;
  // Something has been read from the transport that read() has not returned: by s2n, or for it.
  bool has_kept_input() const noexcept;
  // False: calling s2n would have no effect but that it blocks.
  bool has_input(const transport& from) const noexcept;
  // Nothing came of a call that wanted to read.
  want want_input() const noexcept { return input.gate.is_spent() ? want::again : want::read; }

  // connection_handshake.cpp: negotiate() is repeated until it is done. Each time it applies a signature that has come,
  // calls s2n, and makes the checks that s2n does not make; only then may is_negotiated be set.
  struct negotiation;
  step negotiate(transport& transport);
  negotiation run_negotiation(transport& transport);
  bool version_is_too_low() const noexcept;
  step version_refused();
  bool staple_is_missing() const noexcept;
  step staple_missed();
  // Empty if s2n may go on: no signature is pending any more.
  std::optional<step> resume_signature();
  std::optional<failure> refused_meanwhile(transport& transport);
  int begin_signature(internal::pkey_op_handle op);
  // Exactly one of them ends a handshake that has begun: the second also when it has failed, called by latch().
  void complete_handshake();
  void end_handshake(const failure* error);
  bool has_begun() const noexcept { return totals.began != std::chrono::steady_clock::time_point{}; }

  // connection_hello.cpp: what must be refused in the peer's first flight, and s2n takes.
  bool judge_client_hello();
  bool judge_extensions(const internal::client_extensions& theirs);
  bool judge_last_hello();
  std::optional<failure> fault_of_server(bool is_done);

  // connection_secrets.cpp
  void take_secrets() noexcept;
  internal::traffic_secret secret_of_alerts() const noexcept;

  // connection_early.cpp: what may be lost is never sent twice, and what came early is returned by read() first.
  void expect_early_data(std::span<const std::byte> data);
  bool send_early_data(s2n_blocked_status& blocked);
  bool negotiate_and_take(s2n_blocked_status& blocked);
  void settle_early_data() noexcept;
  std::size_t give_early_data(std::span<std::byte> into) noexcept;
  void note_early_data();
  void note_lost_early_data() noexcept;
  bool is_early_data_full() const noexcept;
  bool has_early_input() const noexcept { return handshake.is_established && early.given < early.data.size(); }

  // connection_statistics.cpp: totals, which are counted where bytes pass, and close_notify, which s2n seals.
  static constexpr std::uint8_t close_notify = 0;
  void note_close_notify(std::uint64_t records_before) noexcept;
  void write_alert(transport& transport);
  void note_peer_closed() noexcept;
  connection_statistics statistics() const noexcept;
  void report_closed() noexcept;

  // connection_failure.cpp: makes failures, and explains them with what the connection knows. None is latched here.
  failure engine_failure(phase at);
  failure alert_failure(std::uint8_t description, phase at);
  failure transport_failure(const error_code& ec, phase at) const;
  void explain(failure& error) const;
  void explain_chain(failure& error) const;
  bool explain_engine(failure& error) const;
  void explain_cause(failure& error) const;
  std::string remedy_for_silence() const;
  std::vector<certificate> unverified_certificates() const;

  // connection_session.cpp: a session that was taken from the store is offered to one server once, and returned if that
  // cannot have seen it. Sessions of a connection are stored only after every check of its handshake has passed.
  void name_session(const connection_options& options);
  void resume_session() noexcept;
  void return_session() noexcept;
  void keep_session() noexcept;
  void keep_tickets() noexcept;
  void saw_ticket(secret bytes, std::chrono::seconds hint);
  void note_end(std::chrono::sys_seconds expiry) noexcept;
  void put_session(const internal::kept_session& kept) noexcept;
  template <class Call>
  void ask_store(const char* what, Call call) noexcept;
  void store_failed(const char* what, const char* error) noexcept;

  bool watches_flight() const noexcept { return !handshake.is_negotiated && (side == role::client || ctx.verifies()); }
  void explain_ocsp(failure& error) const;

  // connection_verify.cpp: after s2n's own verification, before it counts as passed.
  bool accepts_chain();
  result<void> judge_chain();
  result<internal::chain_memory::verdict> judge_certificates(std::span<const internal::der_view> chain);
  // connection_known_chain.cpp: our part of the verdict is remembered, by the bytes that a client sent, or the verified
  // chain of a server.
  bool knows_chain(std::span<const internal::der_view> as_sent);
  void note_chain(std::span<const internal::der_view> as_sent, std::span<const internal::der_view> chain,
                  internal::chain_memory::verdict found);
  void remember_chain() noexcept;
  internal::chain_memory::subject subject_of(std::span<const internal::der_view> chain) const noexcept;
  // connection_anchors.cpp
  internal::engine_configuration configuration();
  void choose_anchors();
  bool trusts(std::span<const std::byte> der) const;  // is it itself an anchor?

  context ctx;  // never empty: one that was moved from is replaced, and the connection fails
  const role side;
  // The configuration that `conn` has; before it, to be freed after it. A connection owns its configuration alone where
  // it has to choose among anchors, and then may change it.
  internal::engine_configuration engine;
  bool owns_engine = false;
  // Of the pool of `engine`, or new. Null if s2n had no memory for it, or for connection::failed(); the connection has
  // failed then. Its callbacks have the address of this object, which therefore never moves.
  internal::connection_handle conn;
  transport* io = nullptr;  // the transport of the call that is under way, else null
};

}  // namespace v0
}  // namespace sluice
