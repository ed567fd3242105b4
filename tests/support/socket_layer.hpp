// SPDX-License-Identifier: Apache-2.0
// What NextLayers of tests have in common: a socket below, with its executor and its blocking calls.
#pragma once

#include "support/loop.hpp"

#include <utility>

namespace sluice::test {

class socket_layer {
 public:
  using executor_type = tcp::socket::executor_type;
  explicit socket_layer(tcp::socket socket) : socket_(std::move(socket)) {}

  executor_type get_executor() noexcept { return socket_.get_executor(); }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    return socket_.read_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return socket_.write_some(buffers, ec);
  }

 protected:
  tcp::socket socket_;
};

}  // namespace sluice::test
