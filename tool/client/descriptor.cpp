// SPDX-License-Identifier: Apache-2.0
#include "client/descriptor.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// What poll() calls writable takes at least this much of a pipe or a terminal; a file takes everything.
constexpr std::size_t surely_fits = 4096;

bool is_file(int descriptor) {
  struct stat info {};
  return ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

error_code last_error() { return {errno, boost::system::system_category()}; }

}  // namespace

shared_descriptor::shared_descriptor(const asio::any_io_executor& executor, int descriptor)
    : descriptor_(descriptor),
      max_at_once_(is_file(descriptor) ? std::size_t{1} << 20 : surely_fits),
      watched_(executor) {
  error_code ignored;  // a closed descriptor fails when it is used
  watched_.assign(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3), ignored);
}

bool shared_descriptor::is_ready(short event) const {
  pollfd entry{.fd = descriptor_, .events = event, .revents = 0};
  return ::poll(&entry, 1, 0) > 0;
}

asio::awaitable<void> shared_descriptor::wait(short event, wait_type what, error_code& ec) {
  ec = {};
  if (is_ready(event)) co_return;
  auto [failed] = co_await watched_.async_wait(what, asio::as_tuple(asio::use_awaitable));
  // epoll does not know files; they are always ready.
  if (failed != asio::error::operation_not_supported) ec = failed;
}

asio::awaitable<std::size_t> shared_descriptor::read_some(std::span<char> into, error_code& ec) {
  for (;;) {
    co_await wait(POLLIN, wait_type::wait_read, ec);
    if (ec) co_return 0;
    const auto n = ::read(descriptor_, into.data(), into.size());
    if (n >= 0) co_return static_cast<std::size_t>(n);
    // EAGAIN: another process has set O_NONBLOCK, and another has read what was there.
    if (errno != EINTR && errno != EAGAIN) {
      ec = last_error();
      co_return 0;
    }
  }
}

asio::awaitable<void> shared_descriptor::write(std::span<const char> from, error_code& ec) {
  ec = {};
  while (!from.empty()) {
    co_await wait(POLLOUT, wait_type::wait_write, ec);
    if (ec) co_return;
    const auto n = ::write(descriptor_, from.data(), std::min(from.size(), max_at_once_));
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
      ec = last_error();
      co_return;
    }
    from = from.subspan(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
}

}  // namespace sluice::tool
