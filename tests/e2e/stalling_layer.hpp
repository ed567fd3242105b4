// SPDX-License-Identifier: Apache-2.0
// A NextLayer that works for so many operations and then waits for ever, or until a test says how it goes on.
#pragma once

#include "support/socket_layer.hpp"

#include "sluice/asio/stream_impl.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>

#include <memory>

namespace sluice::test {

// Shared by the layer and the test.
struct stall {
  explicit stall(const asio::any_io_executor& ex)
      : read_wait(ex, clock_type::time_point::max()), write_wait(ex, clock_type::time_point::max()) {}

  int allowed = 1 << 30;  // so many operations pass
  int begun = 0;
  bool has_stalled = false;
  bool is_writing = false;  // in what it stalled
  error_code outcome;       // what the stalled operation is to complete with
  asio::steady_timer read_wait, write_wait;

  void go_on_with(const error_code& ec) {
    outcome = ec;
    read_wait.cancel();
    write_wait.cancel();
  }
};

class stalling_layer : public socket_layer {
 public:
  using lowest_layer_type = tcp::socket::lowest_layer_type;

  stalling_layer(tcp::socket socket, std::shared_ptr<stall> plan)
      : socket_layer(std::move(socket)), plan_(std::move(plan)) {}

  lowest_layer_type& lowest_layer() noexcept { return socket_.lowest_layer(); }
  const lowest_layer_type& lowest_layer() const noexcept { return socket_.lowest_layer(); }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_compose<Token, void(error_code, std::size_t)>(operation<Buffers, false>{socket_, plan_, buffers},
                                                                     token, socket_);
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_compose<Token, void(error_code, std::size_t)>(operation<Buffers, true>{socket_, plan_, buffers},
                                                                     token, socket_);
  }

 private:
  template <class Buffers, bool is_write>
  struct operation {
    tcp::socket& socket;
    std::shared_ptr<stall> plan;
    Buffers buffers;
    bool stalls = false;

    template <class Self>
    void operator()(Self& self) {
      self.reset_cancellation_state(asio::enable_total_cancellation());
      stalls = plan->begun++ >= plan->allowed;
      if (stalls) {
        plan->has_stalled = true;
        plan->is_writing = is_write;
        auto& timer = is_write ? plan->write_wait : plan->read_wait;
        return timer.async_wait(std::move(self));
      }
      if constexpr (is_write) {
        socket.async_write_some(buffers, std::move(self));
      } else {
        socket.async_read_some(buffers, std::move(self));
      }
    }
    template <class Self>
    void operator()(Self& self, error_code ec, std::size_t n = 0) {
      if (stalls && plan->outcome) ec = plan->outcome;
      self.complete(ec, n);
    }
  };

  std::shared_ptr<stall> plan_;
};

}  // namespace sluice::test
