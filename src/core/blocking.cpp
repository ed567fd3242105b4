// SPDX-License-Identifier: Apache-2.0
#include "sluice/blocking.hpp"

#include "core/base/failure.hpp"

#include "core/base/error_tables.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace sluice {
inline namespace v0 {
namespace blocking {
namespace {

using clock_type = std::chrono::steady_clock;

// Milliseconds for poll(2): rounded up, -1 for ever, 0 once it has passed.
int milliseconds_until(time_point deadline) {
  if (deadline == time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_type::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

// What is wrong with the socket, the call on it will say; what is wrong with waiting would never change.
error_code wait_for_socket(int descriptor, short events, time_point deadline) {
  pollfd entry{.fd = descriptor, .events = events, .revents = 0};
  for (;;) {
    const int n = ::poll(&entry, 1, milliseconds_until(deadline));
    if (n > 0) return {};
    if (n < 0 && errno != EINTR) return {errno, boost::system::system_category()};
    if (n == 0 && clock_type::now() >= deadline) return make_error_code(errc::timed_out);
  }
}

struct bell {
  std::mutex gate;
  std::condition_variable rung;
  bool is_rung = false;
};

error_code wait(connection& tls, int descriptor, const step& st, time_point deadline) {
  if (st.next == want::again) return clock_type::now() < deadline ? error_code() : make_error_code(errc::timed_out);
  if (st.next == want::application) {
    if (wait_external(tls, deadline)) return {};
    socket_transport io(descriptor);
    tls.handshake(io);  // the peer may have said why it no longer waits
    tls.expire_application_work();
    return tls.last_failure().code;
  }
  return wait_for_socket(descriptor, st.next == want::write ? POLLOUT : POLLIN, deadline);
}

// Runs `call` until it wants nothing more.
template <class Call>
step run(connection& tls, int descriptor, time_point deadline, Call call) {
  for (;;) {
    step st = call();
    if (st.next == want::nothing) return st;
    st.error = wait(tls, descriptor, st, deadline);
    if (st.error) return st;
  }
}

}  // namespace

bool wait_external(connection& tls, time_point deadline) {
  const auto b = std::make_shared<bell>();
  tls.start_application_work(deadline, [b] {
    const std::lock_guard lock(b->gate);
    b->is_rung = true;
    b->rung.notify_all();
  });
  std::unique_lock lock(b->gate);
  if (deadline == time_point::max()) {
    b->rung.wait(lock, [&] { return b->is_rung; });
    return true;
  }
  return b->rung.wait_until(lock, deadline, [&] { return b->is_rung; });
}

error_code handshake(connection& tls, int descriptor, time_point deadline) {
  socket_transport io(descriptor);
  const auto st = run(tls, descriptor, deadline, [&] { return tls.handshake(io); });
  if (st.error == errc::timed_out && !tls.has_failed()) {
    tls.fail(internal::in_phase(phase::handshake, make_failure(errc::timed_out, "handshake")));
  }
  return st.error;
}

std::size_t read_some(connection& tls, int descriptor, std::span<std::byte> into, error_code& ec, time_point deadline) {
  socket_transport io(descriptor);
  const auto st = run(tls, descriptor, deadline, [&] { return tls.read(io, into); });
  ec = st.error;
  return st.bytes;
}

std::size_t write(connection& tls, int descriptor, std::span<const std::byte> from, error_code& ec,
                  time_point deadline) {
  socket_transport io(descriptor);
  std::size_t done = 0;
  ec = {};
  while (done < from.size()) {
    const auto rest = from.subspan(done);
    const ::iovec part{.iov_base = const_cast<std::byte*>(rest.data()), .iov_len = rest.size()};
    auto st = tls.write(io, {&part, 1});
    done += st.bytes;
    if (st.next != want::nothing) {
      st = run(tls, descriptor, deadline, [&] { return tls.flush(io); });
    }
    ec = st.error;
    if (ec) return done;
  }
  return done;
}

error_code shutdown(connection& tls, int descriptor, time_point deadline) {
  socket_transport io(descriptor);
  return run(tls, descriptor, deadline, [&] { return tls.shutdown(io); }).error;
}

}  // namespace blocking
}  // namespace v0
}  // namespace sluice
