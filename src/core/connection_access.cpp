// SPDX-License-Identifier: Apache-2.0
// What is asked of a connection without an effect on it; an empty one, which was moved from, has answers too.
#include "core/base/error_tables.hpp"
#include "core/connection_impl.hpp"

#include <s2n.h>

namespace sluice {
inline namespace v0 {

namespace internal {

failure empty_object(const char* what) {
  return make_failure(errc::invalid_argument, what, "it is empty: it was moved from");
}

const failure& empty_connection() {
  static const auto error = empty_object("connection");
  return error;
}

step empty_step() { return {.error = empty_connection().code}; }

}  // namespace internal

void connection::fail(failure error) {
  if (impl_) impl_->latch(std::move(error));
}
bool connection::is_established() const noexcept { return impl_ && impl_->handshake.is_established; }
bool connection::has_failed() const noexcept { return !impl_ || impl_->errors.latched.code; }
const failure& connection::last_failure() const noexcept {
  if (!impl_) return internal::empty_connection();
  if (impl_->errors.latched.code) return impl_->errors.latched;
  return impl_->errors.of_call.code ? impl_->errors.of_call : impl_->errors.of_writing;
}
const connection_info& connection::info() const noexcept {
  static const connection_info nothing;
  return impl_ ? impl_->info : nothing;
}
connection_statistics connection::statistics() const noexcept {
  return impl_ ? impl_->statistics() : connection_statistics();
}
const handshake_transcript& connection::transcript() const noexcept {
  static const handshake_transcript nothing;
  return impl_ && impl_->handshake.transcript ? *impl_->handshake.transcript : nothing;
}
std::chrono::nanoseconds connection::signing_time() const noexcept {
  return impl_ ? impl_->totals.signing : std::chrono::nanoseconds(0);
}

std::span<const std::byte> connection::unsent() const noexcept {
  return impl_ ? impl_->output.queue.front() : std::span<const std::byte>();
}
void connection::sent(std::size_t bytes) {
  if (impl_) impl_->output.queue.pop(bytes);
}

bool connection::has_buffered_input() const noexcept {
  auto* conn = impl_ ? impl_->conn.get() : nullptr;
  if (conn == nullptr) return false;
  return impl_->has_early_input() || !impl_->input.unread.empty() || s2n_peek(conn) > 0 ||
         s2n_peek_buffered(conn) > 0 || (!impl_->input.is_closed && !impl_->input.gate.held().empty());
}

std::span<const std::byte> connection::read_ahead() const noexcept {
  return impl_ && impl_->input.is_closed ? impl_->input.gate.held() : std::span<const std::byte>();
}

void connection::release_buffers() noexcept {
  if (!is_established()) return;
  // Any number of times: what is gone is passed over.
  s2n_connection_free_handshake(impl_->conn.get());
  s2n_connection_release_buffers(impl_->conn.get());
}

}  // namespace v0
}  // namespace sluice
