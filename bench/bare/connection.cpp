// SPDX-License-Identifier: Apache-2.0
#include "bare/connection.hpp"

#include <sys/socket.h>

#include <cstring>

namespace bench {
namespace {

progress state_of(ssize_t result) {
  if (result > 0) return progress::done;
  if (result == 0) return progress::closed;
  return s2n_error_get_type(s2n_errno) == S2N_ERR_T_BLOCKED ? progress::blocked : progress::failed;
}

}  // namespace

bool outbox::append(std::span<const std::uint8_t> more) {
  if (size_ + more.size() > bytes_.size()) return false;
  std::memcpy(bytes_.data() + size_, more.data(), more.size());
  size_ += more.size();
  return true;
}

void connection::open(descriptor socket, s2n_config& config) {
  socket_ = std::move(socket);
  is_established_ = false;
  auto* tls = tls_.get();
  check_s2n(s2n_connection_set_config(tls, &config));
  check_s2n(s2n_connection_set_recv_ctx(tls, this));
  check_s2n(s2n_connection_set_send_ctx(tls, this));
  check_s2n(s2n_connection_set_recv_cb(tls, receive));
  check_s2n(s2n_connection_set_send_cb(tls, send));
  check_s2n(s2n_connection_set_blinding(tls, S2N_SELF_SERVICE_BLINDING));
  check_s2n(s2n_connection_set_recv_buffering(tls, true));
  check_s2n(s2n_connection_prefer_throughput(tls));
}

void connection::close() {
  if (is_established_) {
    s2n_blocked_status blocked{};
    s2n_shutdown_send(tls_.get(), &blocked);
    send_outbox();
  }
  socket_.close();
  unsent_.clear();
  check_s2n(s2n_connection_wipe(tls_.get()));
}

progress connection::negotiate() {
  s2n_blocked_status blocked{};
  const int result = s2n_negotiate(tls_.get(), &blocked);
  const auto state = result == 0 ? progress::done : state_of(result);
  is_established_ = state == progress::done;
  send_outbox();
  return state;
}

progress connection::read(std::span<char> buffer, std::size_t& bytes) {
  s2n_blocked_status blocked{};
  const auto result = s2n_recv(tls_.get(), buffer.data(), static_cast<ssize_t>(buffer.size()), &blocked);
  const auto state = state_of(result);
  bytes = state == progress::done ? static_cast<std::size_t>(result) : 0;
  return state;
}

progress connection::write(std::span<const char> data, std::size_t& bytes) {
  s2n_blocked_status blocked{};
  const auto result = s2n_send(tls_.get(), data.data(), static_cast<ssize_t>(data.size()), &blocked);
  const auto state = state_of(result);
  bytes = state == progress::done ? static_cast<std::size_t>(result) : 0;
  send_outbox();
  return state;
}

bool connection::flush() {
  if (unsent_.empty()) return true;
  const auto sent = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
  if (sent > 0) unsent_.erase(0, static_cast<std::size_t>(sent));
  return unsent_.empty();
}

bool connection::has_buffered() const { return s2n_peek(tls_.get()) > 0 || s2n_peek_buffered(tls_.get()) > 0; }

int connection::receive(void* self, std::uint8_t* buffer, std::uint32_t size) {
  return static_cast<int>(::recv(static_cast<connection*>(self)->socket_.get(), buffer, size, 0));
}

int connection::send(void* self, const std::uint8_t* data, std::uint32_t size) {
  auto& me = *static_cast<connection*>(self);
  if (me.unsent_.empty() && me.out_.append({data, size})) return static_cast<int>(size);
  errno = EAGAIN;
  return -1;
}

// Keeps s2n_errno for its caller.
void connection::send_outbox() {
  const auto content = out_.content();
  if (content.empty()) return;
  const auto sent = ::send(socket_.get(), content.data(), content.size(), MSG_NOSIGNAL);
  const auto taken = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  if (taken < content.size() && (sent >= 0 || errno == EAGAIN))
    unsent_.assign(content.begin() + static_cast<std::ptrdiff_t>(taken), content.end());
  out_.clear();
}

}  // namespace bench
