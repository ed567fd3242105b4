// SPDX-License-Identifier: Apache-2.0
// One call into s2n.
#pragma once

#include "core/connection_impl.hpp"
#include "core/engine_calls.hpp"

namespace sluice {
inline namespace v0 {

// Points the connection's callbacks at a transport for its lifetime. What s2n sends meanwhile is gathered in one
// buffer of the thread, so that many records leave in one write; finish() sends it.
class connection::impl::call {
 public:
  call(impl& c, transport& io);
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  ~call();
  void finish() noexcept;

 private:
  void send();

  impl& c_;
  transport& io_;
  bool is_finished_ = false;
};

// Within a call: what has arrived goes to `take`, until that has enough. Answers as s2n_recv does, with s2n_errno set:
// 0 at the peer's close_notify.
template <class Take>
ssize_t connection::impl::read_on(Take take) {
  std::array<std::byte, 16 * 1024> some;
  for (;;) {
    s2n_blocked_status blocked = S2N_NOT_BLOCKED;
    error_code ec;
    const auto n = internal::receive(conn.get(), some, blocked, ec);
    if (n <= 0 || !take(std::span<const std::byte>(some).first(static_cast<std::size_t>(n)))) return n;
  }
}

}  // namespace v0
}  // namespace sluice
