// SPDX-License-Identifier: Apache-2.0
// The same operations by waiting in place.
#include "asio/driver_operations.hpp"
#include "sluice/blocking.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace detail {

step driver::wait_sync(step st, clock_type::time_point deadline) {
  if (st.next == want::again) {
    if (clock_type::now() >= deadline) st.error = make_error_code(errc::timed_out);
    return st;
  }
  if (st.next == want::application) {
    if (!blocking::wait_external(tls_, deadline)) {
      tls_.handshake(layer_->io());  // the peer may have said why it no longer waits
      tls_.expire_application_work();
      st.error = tls_.last_failure().code;
    }
    return st;
  }
  if (st.next == want::write) {
    tls_.sent(layer_->drain(tls_.unsent(), st.error, deadline));
  } else {
    layer_->fill(st.error, deadline);
  }
  return st;
}

template <class Call>
step driver::run_sync(clock_type::time_point deadline, Call call) {
  for (;;) {
    step st = call();
    if (st.next == want::nothing) return st;
    st = wait_sync(st, deadline);
    if (st.error) return st;
  }
}

// A call in its turn: whether it may be made, and afterwards what a failure entails. The turn lasts as long as it
// waits.
template <class Call>
std::size_t driver::call_sync(const activity& a, phase at, error_code& ec, Call call) {
  const turn mine(gate_, turn_gate::call);
  ec = why_not(mine, a, at);
  if (ec) return 0;
  const std::size_t n = call();
  linger_alone();
  return n;
}

// What the connection itself does not know: it was not waited for any longer.
void driver::note_sync_end(const error_code& ec) {
  if (!ec) return;
  if (ec == errc::timed_out && !tls_.has_failed()) expire();
  note_failure(ec, phase_now());
}

void driver::handshake(std::span<const std::byte> already_read, error_code& ec) {
  call_sync(bounded_, phase::handshake, ec, [&]() -> std::size_t {
    if (!already_read.empty()) layer_->preload(already_read);
    verb_ = verb::handshake;
    const auto began = clock_type::now();
    ec = run_sync(deadline_after(handshake_timeout_), [this] { return call_verb(); }).error;
    timings_.handshake = clock_type::now() - began;
    timings_.signing = tls_.signing_time();
    note_sync_end(ec);
    verb_ = verb::none;
    return 0;
  });
}

std::size_t driver::read_some(std::span<std::byte> into, error_code& ec) {
  return call_sync(reading_, phase::read, ec, [&] {
    const auto st = run_sync(clock_type::time_point::max(), [&] { return tls_.read(layer_->io(), into); });
    ec = st.error;
    if (ec) note_failure(ec, phase::read);
    if (st.ended) ec = net::error::eof;
    return st.bytes;
  });
}

std::size_t driver::write_some(const gathered_buffers& from, error_code& ec) {
  return call_sync(writing_, phase::write, ec, [&] {
    const auto parts = std::span(from.parts).first(from.count);
    std::size_t sealed = 0;
    const auto st = run_sync(clock_type::time_point::max(), [&] {
      if (sealed > 0) return tls_.flush(layer_->io());
      const auto tried = tls_.write(layer_->io(), parts);
      sealed = tried.bytes;
      return tried;
    });
    ec = st.error;
    if (ec) note_failure(ec, phase::write);
    return sealed;
  });
}

void driver::shutdown(bool waits_for_peer, error_code& ec) {
  call_sync(bounded_, phase::shutdown, ec, [&]() -> std::size_t {
    verb_ = waits_for_peer ? verb::shutdown : verb::shutdown_write;
    layer_->stop_reading_ahead();
    ec = run_sync(deadline_after(shutdown_timeout_), [this] { return call_verb(); }).error;
    note_sync_end(ec);
    verb_ = verb::none;
    return 0;
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
