// SPDX-License-Identifier: Apache-2.0
// Sending close_notify, and waiting for the peer's.
#include "core/base/error_tables.hpp"
#include "core/connection_io.hpp"

namespace sluice {
inline namespace v0 {

// Done, or {write}, or refused, or failed. That the transport takes no more is left in write_error.
step connection::impl::send_close_notify(transport& transport) {
  if (why.code) return failed_step();
  if (!established) {
    return refused_step(
        make_failure(errc::not_ready, place, "the handshake is not done", "call handshake() until it is"));
  }
  if (!flush_output(transport)) return {.next = want::write};
  if (!write_closed) {
    write_closed = true;
    s2n_blocked_status blocked = S2N_NOT_BLOCKED;
    call call(*this, transport);
    const auto before = records_out.records();
    if (s2n_shutdown_send(conn.get(), &blocked) != S2N_SUCCESS) return latch(engine_failure(phase::shutdown));
    note_goodbye(before);
  }
  return write_error ? step{} : after_output();
}

step connection::shutdown_write(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  const auto st = c.send_close_notify(io);
  if (st.error || st.next != want::nothing) return st;
  // Who has said that it is done may be gone, and then misses nothing.
  return c.write_error && !c.peer_closed ? c.write_failed(io) : step{};
}

step connection::shutdown(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  auto st = c.send_close_notify(io);
  if (st.error || st.next != want::nothing || c.peer_closed) return st;
  if (!c.read_ended) st = c.await_close_notify(io, phase::shutdown);
  // The peer is gone; its close_notify may be here all the same.
  if (c.write_error && !c.peer_closed && !c.why.code && st.next != want::again) return c.write_failed(io);
  return {.next = st.next, .error = st.error};
}

// The data that the peer still sends are thrown away.
step connection::impl::await_close_notify(transport& transport, phase at) {
  call call(*this, transport);
  if (has_heard_close_notify()) {
    hear_goodbye();
    return {.ended = true};
  }
  const auto type = s2n_error_get_type(s2n_errno);
  if (type == S2N_ERR_T_BLOCKED) return {.next = want_input()};
  // When we are done with the peer, its closing TCP without a word is as good as close_notify (P13).
  if (at == phase::shutdown && (type == S2N_ERR_T_CLOSED || read_error)) return {};
  return latch(engine_failure(at));
}

// False with s2n_errno set. Waiting for it, s2n_shutdown would drop what is no alert; new keys and tickets of TLS 1.3
// are taken by reading on. In TLS 1.2 there are none, and s2n does not read after it has sent its own.
bool connection::impl::has_heard_close_notify() {
  s2n_blocked_status blocked = S2N_NOT_BLOCKED;
  if (!has_half_close()) return s2n_shutdown(conn.get(), &blocked) == S2N_SUCCESS;
  return read_on([this](std::span<const std::byte>) {
           gate.data_came();
           return true;
         }) == 0;
}

}  // namespace v0
}  // namespace sluice
