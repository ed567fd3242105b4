// SPDX-License-Identifier: Apache-2.0
// A descriptor that the process inherited (stdin, stdout), waited for in the loop and left as it is.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>

namespace sluice::tool {

// Terminal, pipe, socket or file. O_NONBLOCK is never set: it would be set for the shell, too, which shares the
// descriptor with us. Instead each call waits for readiness and then moves no more than surely does not block.
class shared_descriptor {
 public:
  shared_descriptor(const boost::asio::any_io_executor& executor, int descriptor);

  // 0 with `ec` clear at the end.
  boost::asio::awaitable<std::size_t> read_some(std::span<char> into, boost::system::error_code& ec);
  boost::asio::awaitable<void> write(std::span<const char> from, boost::system::error_code& ec);

 private:
  using wait_type = boost::asio::posix::stream_descriptor::wait_type;
  boost::asio::awaitable<void> wait(short event, wait_type what, boost::system::error_code& ec);
  bool is_ready(short event) const;

  int descriptor_;
  std::size_t max_at_once_;
  boost::asio::posix::stream_descriptor watched_;  // a duplicate: Asio closes what it has
};

}  // namespace sluice::tool
