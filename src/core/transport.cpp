// SPDX-License-Identifier: Apache-2.0
#include "sluice/transport.hpp"

#include <boost/system/errc.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace sluice {
inline namespace v0 {
namespace {

error_code would_block() noexcept {
  return boost::system::errc::make_error_code(boost::system::errc::operation_would_block);
}

error_code last_error() noexcept {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return would_block();
  return {errno, boost::system::system_category()};
}

// EINTR is not an outcome: the call is made again.
template <class Call>
std::size_t retried(Call call, error_code& ec) noexcept {
  for (;;) {
    const ssize_t n = call();
    if (n >= 0) {
      ec = {};
      return static_cast<std::size_t>(n);
    }
    if (errno != EINTR) {
      ec = last_error();
      return 0;
    }
  }
}

}  // namespace

std::size_t socket_transport::read(std::span<std::byte> into, error_code& ec) noexcept {
  return retried([&] { return ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT); }, ec);
}

std::size_t socket_transport::write(std::span<const std::byte> from, error_code& ec) noexcept {
  return retried([&] { return ::send(descriptor_, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); }, ec);
}

std::size_t memory_transport::read(std::span<std::byte> into, error_code& ec) noexcept {
  const auto n = std::min(into.size(), incoming.size());
  ec = n == 0 && !incoming_ended ? would_block() : error_code();
  std::copy_n(incoming.begin(), n, into.begin());
  incoming.erase(incoming.begin(), incoming.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

std::size_t memory_transport::write(std::span<const std::byte> from, error_code& ec) noexcept {
  ec = {};
  outgoing.insert(outgoing.end(), from.begin(), from.end());
  return from.size();
}

}  // namespace v0
}  // namespace sluice
