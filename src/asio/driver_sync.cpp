// SPDX-License-Identifier: Apache-2.0
// The same operations, blocking.
//
// A call keeps its turn while it blocks: a call of another thread is rejected, and a step of an asynchronous operation
// waits until it returns. The layer rejects a wait in a direction in which an asynchronous operation already uses it
// (errc::in_use). Only the handshake and a shutdown have a deadline.
#include "asio/driver_operations.hpp"
#include "sluice/blocking.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace detail {

// Waits once, as `st` requests, and leaves in st.error why it is not worth asking the connection again.
step driver::wait_sync(step st, clock_type::time_point deadline) {
  if (st.next == want::again) {
    if (clock_type::now() >= deadline) st.error = make_error_code(errc::timed_out);
    return st;
  }
  if (st.next == want::application) {
    if (!blocking::wait_external(tls_, deadline)) {
      tls_.handshake(layer_->io());  // the peer's alert may have arrived, and is the better cause
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

// The blocking form of bounded_step(), read_step() and write_step(). `call` is made again after each wait.
template <class Call>
step driver::run_sync(clock_type::time_point deadline, Call call) {
  for (;;) {
    step st = call();
    if (st.next == want::nothing) return st;
    st = wait_sync(st, deadline);
    if (st.error) return st;
  }
}

// A call in its turn. A failure makes the stream linger, as after an asynchronous operation, but by the service's
// thread: nobody may be running the executor.
template <class Call>
std::size_t driver::call_sync(const activity& a, phase at, error_code& ec, Call call) {
  const turn mine(gate_, turn_gate::call);
  ec = error_of_call(mine, a, at);
  if (ec) return 0;
  const std::size_t n = call();
  linger_after_sync();
  return n;
}

// A time-out is a failure of the connection, which learns of it here.
void driver::note_sync_end(const error_code& ec) {
  if (!ec) return;
  if (ec == errc::timed_out && !tls_.has_failed()) expire();
  note_failure(ec, phase_now());
}

void driver::handshake(error_code& ec) {
  call_sync(bounded_, phase::handshake, ec, [&]() -> std::size_t {
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

// write() encrypts once; after that only ciphertext is left to be sent, and the buffers are not read again.
std::size_t driver::write_some(const gathered_buffers& from, error_code& ec) {
  return call_sync(writing_, phase::write, ec, [&] {
    std::size_t encrypted = 0;
    const auto st = run_sync(clock_type::time_point::max(), [&] {
      if (encrypted > 0) return tls_.flush(layer_->io());
      const auto tried = tls_.write(layer_->io(), from.parts());
      encrypted = tried.bytes;
      return tried;
    });
    ec = st.error;
    if (ec) note_failure(ec, phase::write);
    return encrypted;
  });
}

void driver::shutdown(bool waits_for_peer, error_code& ec) {
  call_sync(bounded_, phase::shutdown, ec, [&]() -> std::size_t {
    verb_ = waits_for_peer ? verb::shutdown : verb::shutdown_write;
    layer_->stop_reading_ahead();  // what follows the peer's close_notify is not TLS
    ec = run_sync(deadline_after(shutdown_timeout_), [this] { return call_verb(); }).error;
    note_sync_end(ec);
    verb_ = verb::none;
    return 0;
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
