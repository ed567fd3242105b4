// SPDX-License-Identifier: Apache-2.0
// The client's half of every workload, and the measuring: the same code for both libraries.
#pragma once

#include "pair/result.hpp"
#include "pair/server.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>

namespace bench {

// What a round spends between two moments.
struct stop_watch {
  std::function<double()> server_cpu, client_cpu;
  double server_began = 0, client_began = 0;
  std::chrono::steady_clock::time_point began;

  void start() {
    began = std::chrono::steady_clock::now();
    server_began = server_cpu();
    client_began = client_cpu();
  }
  void stop(round_result& r) const {
    r.server_cpu = server_cpu() - server_began;
    r.client_cpu = client_cpu() - client_began;
    r.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
};

template <class Side>
class client {
 public:
  using stream = typename Side::stream;

  client(asio::io_context& io, Side& side, tcp::endpoint server, stop_watch watch)
      : io_(io), side_(side), server_(std::move(server)), watch_(std::move(watch)) {}

  // Eight at a time; each ends when the server's one byte, and with it a ticket, has come. `server_clients` tells when
  // the server is done with all of them.
  asio::awaitable<round_result> handshakes(std::size_t count, bool resume,
                                           std::function<std::size_t()> server_clients) {
    round_result r;
    r.count = count;
    std::size_t left = count, running = 8;
    watch_.start();
    for (std::size_t i = running; i > 0; --i) {
      asio::co_spawn(io_, shake_again(left, resume, r), [&running, this](std::exception_ptr e) {
        --running;
        if (e) trouble_ = e;
      });
    }
    asio::steady_timer tick(io_);
    while (running > 0 || server_clients() > 0) {
      tick.expires_after(std::chrono::milliseconds(1));
      co_await tick.async_wait(use_tuple);
    }
    watch_.stop(r);
    if (trouble_) std::rethrow_exception(std::exchange(trouble_, nullptr));
    co_return r;
  }

  asio::awaitable<round_result> bulk(std::size_t bytes, bool both_ways) {
    using namespace asio::experimental::awaitable_operators;
    auto s = co_await connect(false);
    co_await ask(s, both_ways ? wish::both_ways : wish::pour, true);
    if (both_ways) {
      co_await (pour(s, bytes) && swallow(s, bytes));
    } else {
      co_await swallow(s, bytes);
    }
    round_result r;
    watch_.stop(r);
    r.count = bytes >> 20;
    finish(s, r);
    co_return r;
  }

  asio::awaitable<round_result> echoes(std::size_t count) {
    auto s = co_await connect(false);
    co_await ask(s, wish::echo, true);
    std::vector<double> times;
    std::array<char, 32> text{};
    for (std::size_t i = 0; i < count; ++i) {
      const auto began = std::chrono::steady_clock::now();
      auto [ec, n] = co_await asio::async_write(s, asio::buffer(text), use_tuple);
      if (ec) throw boost::system::system_error(ec);
      auto [failed, read] = co_await asio::async_read(s, asio::buffer(text), use_tuple);
      if (failed) throw boost::system::system_error(failed);
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count());
    }
    round_result r;
    watch_.stop(r);
    r.count = count;
    std::ranges::sort(times);
    r.p50_us = times[count / 2];
    r.p99_us = times[count * 99 / 100];
    finish(s, r);
    co_return r;
  }

  // Holds `count` connections to another process's server until the process ends, each with a read waiting.
  asio::awaitable<void> hold(std::size_t count, tcp::endpoint server) {
    server_ = server;
    for (std::size_t i = 0; i < count; ++i) {
      auto held = std::make_unique<stream>(co_await connect(false));
      co_await ask(*held, wish::wait, false);
      asio::co_spawn(io_, keep(std::move(held)), asio::detached);
    }
  }

 private:
  asio::awaitable<stream> connect(bool resume) {
    tcp::socket socket(io_);
    co_await socket.async_connect(server_, asio::use_awaitable);
    socket.set_option(tcp::no_delay(true));
    auto s = side_.make_client(std::move(socket), resume);
    const auto failed = co_await side_.shake_as_client(s);
    if (failed) throw boost::system::system_error(failed, "handshake");
    co_return s;
  }

  asio::awaitable<void> ask(stream& s, wish w, bool starts_watch) {
    const char byte = static_cast<char>(w);
    if (starts_watch) watch_.start();
    auto [ec, n] = co_await asio::async_write(s, asio::buffer(&byte, 1), use_tuple);
    if (ec) throw boost::system::system_error(ec);
  }

  asio::awaitable<void> shake_again(std::size_t& left, bool resume, round_result& r) {
    while (left > 0) {
      --left;
      auto s = co_await connect(resume);
      co_await ask(s, wish::one_byte, false);
      char byte = 0;
      auto [ec, n] = co_await asio::async_read(s, asio::buffer(&byte, 1), use_tuple);
      if (ec) throw boost::system::system_error(ec, "first byte");
      finish(s, r);
    }
  }

  // Closes with a reset, so that rounds do not fill the machine with sockets in TIME_WAIT.
  void finish(stream& s, round_result& r) {
    r.agreed = side_.describe(s);
    if (r.agreed.is_resumed) ++r.resumed;
    side_.leave(s);
    boost::system::error_code ignored;
    s.lowest_layer().set_option(asio::socket_base::linger(true, 0), ignored);
    s.lowest_layer().close(ignored);
  }

  asio::awaitable<void> keep(std::unique_ptr<stream> s) {
    std::array<char, 1024> small;
    co_await s->async_read_some(asio::buffer(small), use_tuple);
  }

  asio::io_context& io_;
  Side& side_;
  tcp::endpoint server_;
  stop_watch watch_;
  std::exception_ptr trouble_;
};

}  // namespace bench
