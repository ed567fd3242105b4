// SPDX-License-Identifier: Apache-2.0
// A token that is pulled out under load, and put back: connections live on, resumptions need no token, and full
// handshakes succeed again at once, without a restart.
#include "support/certs.hpp"
#include "support/faulty.hpp"
#include "support/loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {
namespace {

constexpr auto gone_for = 5s;
constexpr auto deadline = 2s;
constexpr auto grace = 1s;  // a busy machine is late with everything
constexpr int echoing = 8;
constexpr int newcomers = 4;

struct attempt {
  clock_type::time_point began, ended;
  bool is_good = false, was_resumed = false;
};

// What the clients saw. Written on their loop's thread, read when it has ended.
struct timeline {
  std::vector<attempt> full, resumed;
  std::uint64_t echoes = 0;
  std::uint64_t lost_connections = 0;
  clock_type::time_point last_echo_ended{};
  clock_type::duration longest_echo{};
  int established = 0;
};

struct load {
  load(const tcp::endpoint& at, context c, context r) : server(at), client(std::move(c)), resuming(std::move(r)) {}
  tcp::endpoint server;
  context client, resuming;
  std::atomic<bool> is_over = false;
  std::atomic<int> established = 0, resumptions = 0, full_handshakes = 0;
  timeline seen;
};

connect_options options_for(failure& error) { return {.timeout = 20s, .server_name = "localhost", .failure = &error}; }

asio::awaitable<void> pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(use_tuple);
}

// One ping at a time, until the end.
asio::awaitable<void> echo_all_along(load& l) {
  failure error;
  const auto options = options_for(error);
  const auto host = l.server.address().to_string();
  const auto port = std::to_string(l.server.port());
  auto connected = co_await async_connect(l.client, host, port, options, use_tuple);
  if (std::get<0>(connected)) {
    ADD_FAILURE() << "not connected: " << error.message();
    co_return;
  }
  auto& s = std::get<1>(connected);
  ++l.established;
  std::string ping = "ping", pong(4, '\0');
  while (!l.is_over) {
    const auto began = clock_type::now();
    auto [wrote, n] = co_await asio::async_write(s, asio::buffer(ping), use_tuple);
    auto [read, m] = co_await asio::async_read(s, asio::buffer(pong), use_tuple);
    if (wrote || read || pong != ping) {
      ++l.seen.lost_connections;
      co_return;
    }
    ++l.seen.echoes;
    l.seen.longest_echo = std::max(l.seen.longest_echo, clock_type::now() - began);
    co_await pause(5ms);
  }
  co_await s.async_shutdown(use_tuple);
}

// Handshakes one after another; with `resuming` each takes up the session of the one before.
asio::awaitable<void> shake_hands_all_along(load& l, bool resuming) {
  const auto host = l.server.address().to_string();
  const auto port = std::to_string(l.server.port());
  const auto ctx = resuming ? l.resuming : l.client;
  while (!l.is_over) {
    failure error;
    const auto options = options_for(error);
    attempt one{.began = clock_type::now(), .ended = {}};
    auto connected = co_await async_connect(ctx, host, port, options, use_tuple);
    one.is_good = !std::get<0>(connected);
    one.ended = clock_type::now();
    if (one.is_good) {
      auto& s = std::get<1>(connected);
      one.was_resumed = s.info().resumed;
      // Tickets come with the first bytes.
      std::string ping = "ping", pong(4, '\0');
      auto [wrote, n] = co_await asio::async_write(s, asio::buffer(ping), use_tuple);
      auto [read, m] = co_await asio::async_read(s, asio::buffer(pong), use_tuple);
      one.is_good = !wrote && !read;
      co_await s.async_shutdown(use_tuple);
      ++(one.was_resumed ? l.resumptions : l.full_handshakes);
    }
    (resuming ? l.seen.resumed : l.seen.full).push_back(one);
    co_await pause(one.is_good ? 2ms : 10ms);
  }
}

void wait_for(const std::function<bool()>& is_true) {
  const auto until = clock_type::now() + 60s;
  while (!is_true() && clock_type::now() < until) std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(is_true()) << "never came about";
}

struct unplugged : ::testing::Test {
  unplugged() {
    faulty.generate("site");
    key = faulty.open("site", {.sessions = 4});
    const auto issued =
        root().issue_for(*key->public_key(), {.common_name = "localhost", .names = {"localhost", "127.0.0.1"}}).value();
    server_options options;
    options.identities = {identity::from_chain(issued.chain, key).value()};
    options.blinding = blinding::off();
    acceptor_options accepting;
    accepting.handshake_timeout = deadline;
    in.emplace(server_io, loopback(), context::server(options).value(), std::move(accepting));
    spawn(server_io, serve_echo(*in));
    server_thread = std::thread([this] { server_io.run(); });
    client_options plain{.blinding = blinding::off()};
    client_options resuming{.blinding = blinding::off()};
    resuming.sessions = make_session_store();
    l.emplace(in->local_endpoint(), client_context(plain), client_context(resuming));
    for (int i = 0; i < echoing; ++i) spawn(client_io, echo_all_along(*l));
    for (int i = 0; i < newcomers; ++i) spawn(client_io, shake_hands_all_along(*l, false));
    spawn(client_io, shake_hands_all_along(*l, true));
    client_thread = std::thread([this] { client_io.run(); });
  }
  void stop() {
    l->is_over = true;
    if (client_thread.joinable()) client_thread.join();
    asio::post(server_io, [this] { in->close(); });
    if (server_thread.joinable()) server_thread.join();
  }
  ~unplugged() override { stop(); }

  const faulty_token faulty;
  std::shared_ptr<pkcs11::key> key;
  asio::io_context server_io{1}, client_io{1};
  std::optional<acceptor> in;
  std::optional<load> l;
  std::thread server_thread, client_thread;
};

bool overlaps(const attempt& a, clock_type::time_point from, clock_type::time_point to) {
  return a.began > from && a.ended < to;
}

TEST_F(unplugged, token_loses_no_connection_delays_no_resumption_and_is_used_again_within_a_second) {
  wait_for([&] { return l->established == echoing && l->resumptions > 5 && l->full_handshakes > 20; });
  faulty.script("[token]\nunplugged = true");
  const auto pulled = clock_type::now();
  std::this_thread::sleep_for(gone_for);
  const auto resumed_before = l->resumptions.load();
  const auto returned = clock_type::now();
  faulty.behave();
  std::this_thread::sleep_for(2s);
  wait_for([&] { return l->resumptions > resumed_before; });
  stop();

  const auto& seen = l->seen;
  EXPECT_EQ(seen.lost_connections, 0u) << "of those that were established";
  EXPECT_GT(seen.echoes, 100u);
  EXPECT_LT(seen.longest_echo, 1s);

  int resumed_while_gone = 0, failed_while_gone = 0;
  for (const auto& a : seen.resumed) {
    if (!overlaps(a, pulled, returned)) continue;
    EXPECT_TRUE(a.is_good && a.was_resumed) << "a resumption needs no token";
    resumed_while_gone += a.is_good && a.was_resumed;
  }
  EXPECT_GT(resumed_while_gone, 20) << "resumptions go on";
  auto longest = clock_type::duration(0);
  for (const auto& a : seen.full) {
    longest = std::max(longest, a.ended - a.began);
    failed_while_gone += !a.is_good && overlaps(a, pulled, returned);
  }
  EXPECT_GT(failed_while_gone, 0) << "the token was not really gone";
  EXPECT_LT(longest, deadline + grace) << "a handshake outlived its deadline";

  const auto succeeded_again = [&](const attempt& a) { return a.is_good && a.ended > returned; };
  const auto first = std::ranges::find_if(seen.full, succeeded_again);
  ASSERT_NE(first, seen.full.end()) << "full handshakes never succeeded again";
  auto soonest = first->ended;
  for (const auto& a : seen.full) {
    if (succeeded_again(a)) soonest = std::min(soonest, a.ended);
  }
  EXPECT_LT(soonest - returned, 1s);
  EXPECT_EQ(key->stats().circuit, pkcs11::circuit_state::closed);
  EXPECT_EQ(key->stats().written_off, 0u);
  std::printf(
      "unplugged for 5 s: %d resumptions and %d failed handshakes meanwhile, none longer than %ld ms; again after %ld "
      "ms; longest echo %ld ms\n",
      resumed_while_gone, failed_while_gone, std::chrono::duration_cast<std::chrono::milliseconds>(longest).count(),
      std::chrono::duration_cast<std::chrono::milliseconds>(soonest - returned).count(),
      std::chrono::duration_cast<std::chrono::milliseconds>(seen.longest_echo).count());
}

}  // namespace
}  // namespace sluice::test
