// SPDX-License-Identifier: Apache-2.0
// Sending close_notify, and waiting for the peer's.
#include "core/base/error_tables.hpp"
#include "core/connection_io.hpp"

namespace sluice {
inline namespace v0 {

// Returns a step that is done, {write}, rejected or failed. A transport that breaks meanwhile is left in output.error:
// the caller decides whether that matters, since the peer may have closed before.
step connection::impl::send_close_notify(transport& transport) {
  if (errors.latched.code) return failed_step();
  if (!handshake.is_established) {
    return refused_step(
        make_failure(errc::not_ready, target.place, "the handshake is not done", "call handshake() until it is"));
  }
  if (!flush_output(transport)) return {.next = want::write};
  if (!output.is_closed) {
    output.is_closed = true;
    s2n_blocked_status blocked = S2N_NOT_BLOCKED;
    call call(*this, transport);
    const auto before = totals.records_out.records();
    if (s2n_shutdown_send(conn.get(), &blocked) != S2N_SUCCESS) return latch(engine_failure(phase::shutdown));
    note_close_notify(before);
  }
  return output.error ? step{} : after_output();
}

step connection::shutdown_write(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  const auto st = c.send_close_notify(io);
  if (st.error || st.next != want::nothing) return st;
  // A peer that has sent close_notify may be gone, and then misses nothing.
  return c.output.error && !c.input.is_closed ? c.write_failed(io) : step{};
}

step connection::shutdown(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  auto st = c.send_close_notify(io);
  if (st.error || st.next != want::nothing || c.input.is_closed) return st;
  if (!c.input.has_ended) st = c.await_close_notify(io, phase::shutdown);
  // The peer is gone; its close_notify may be here all the same.
  if (c.output.error && !c.input.is_closed && !c.errors.latched.code && st.next != want::again)
    return c.write_failed(io);
  return {.next = st.next, .error = st.error};
}

// The data that the peer still sends are thrown away.
step connection::impl::await_close_notify(transport& transport, phase at) {
  call call(*this, transport);
  if (reads_close_notify()) {
    note_peer_closed();
    return {.ended = true};
  }
  const auto type = s2n_error_get_type(s2n_errno);
  if (type == S2N_ERR_T_BLOCKED) return {.next = want_input()};
  // When we are done with the peer, its closing TCP without a word is as good as close_notify (P13).
  if (at == phase::shutdown && (type == S2N_ERR_T_CLOSED || input.error)) return {};
  return latch(engine_failure(at));
}

// False with s2n_errno set. Waiting for it, s2n_shutdown would drop what is no alert; new keys and tickets of TLS 1.3
// are taken by reading on. In TLS 1.2 there are none, and s2n does not read after it has sent its own.
bool connection::impl::reads_close_notify() {
  s2n_blocked_status blocked = S2N_NOT_BLOCKED;
  if (!has_half_close()) return s2n_shutdown(conn.get(), &blocked) == S2N_SUCCESS;
  return read_on([this](std::span<const std::byte>) {
           input.gate.data_came();
           return true;
         }) == 0;
}

}  // namespace v0
}  // namespace sluice
