// SPDX-License-Identifier: Apache-2.0
// Streams that have gone quiet give their record buffers back, lose nothing by it, and keep no loop running.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <list>
#include <memory>
#include <thread>

struct s2n_connection;

// Counts how often s2n is asked to give a connection's buffers back, and agrees.
namespace {
std::atomic<int> releases = 0, refusals = 0;
}
extern "C" {
int __real_s2n_connection_release_buffers(s2n_connection* conn);
int __wrap_s2n_connection_release_buffers(s2n_connection* conn) {
  const int answer = __real_s2n_connection_release_buffers(conn);
  ++(answer == 0 ? releases : refusals);
  return answer;
}
}

namespace sluice::test {
namespace {

// One side that answers whatever comes, one that asks.
struct talk {
  joined_streams ends;
  std::array<char, 256> question{};
  std::string answer;
  int answers = 0;
  bool goes_on = false;

  talk(const asio::any_io_executor& ex, const context& client, const context& server) : ends(ex, client, server) {}

  void serve() {
    ends.server.async_read_some(asio::buffer(question), [this](const error_code& ec, std::size_t n) {
      if (ec) return;
      asio::async_write(ends.server, asio::buffer(question, n), [this](const error_code& failed, std::size_t) {
        if (!failed) serve();
      });
    });
  }
  void listen() {
    answer.assign(question.size(), '\0');
    ends.client.async_read_some(asio::buffer(answer), [this](const error_code& ec, std::size_t n) {
      if (ec) return;
      answer.resize(n);
      ++answers;
      if (goes_on) ask();
      if (!goes_on) last = answer;
      listen();
    });
  }
  void ask() {
    text = "question " + std::to_string(answers);
    asio::async_write(ends.client, asio::buffer(text), [](const error_code& ec, std::size_t) { EXPECT_FALSE(ec); });
  }
  std::string text, last;
};

struct idle : ::testing::Test {
  asio::io_context io;
  std::list<talk> talks;

  void SetUp() override { releases = refusals = 0; }

  // All wait for input on both sides.
  void begin(int count) {
    const auto client = client_context();
    const auto server = server_context({.tickets = std::nullopt});
    for (int i = 0; i < count; ++i) {
      auto& t = talks.emplace_back(io.get_executor(), client, server);
      ASSERT_NO_FATAL_FAILURE(t.ends.shake_hands(io));
    }
    for (auto& t : talks) {
      t.serve();
      t.listen();
    }
  }
};

TEST_F(idle, streams_that_are_few_keep_no_loop_running) {
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  outcome read;
  char byte = 0;
  ends.server.async_read_some(asio::buffer(&byte, 1), read.handler());
  run_ready(io);  // it waits, and is watched or not
  asio::write(ends.client, asio::buffer("x", 1));
  EXPECT_FALSE(read.wait(io));
  const auto began = clock_type::now();
  run(io);
  EXPECT_LT(clock_type::now() - began, 900ms) << "nothing is left to do, though both streams live";
}

TEST_F(idle, streams_that_are_many_give_their_buffers_back_and_lose_nothing) {
  begin(50);
  for (int round = 0; round < 2; ++round) {
    // In the first round, those that came after 64 others gave theirs back when they began to wait.
    ASSERT_TRUE(run_until(io, [] { return releases >= 100; })) << releases;
    releases = 0;
    for (auto& t : talks) t.ask();
    ASSERT_TRUE(run_until(io, [&] {
      return std::all_of(talks.begin(), talks.end(), [&](const talk& t) { return t.answers == round + 1; });
    }));
    for (auto& t : talks) EXPECT_EQ(t.last, t.text);
  }
  EXPECT_EQ(refusals, 0);
}

TEST_F(idle, streams_give_nothing_back_while_others_and_they_are_in_traffic) {
  begin(50);
  auto& busy = talks.front();
  busy.goes_on = true;
  busy.ask();
  ASSERT_TRUE(run_until(io, [] { return releases >= 98; })) << releases;
  const int before = busy.answers;
  ASSERT_TRUE(run_until(io, [&] { return busy.answers > before + 100; }));
  EXPECT_EQ(releases, 98) << "all but the two ends that talk";
}

TEST_F(idle, streams_end_with_their_loop_still_in_order) {
  begin(50);
  run_ready(io);
  talks.clear();
  const auto began = clock_type::now();
  run(io);
  EXPECT_LT(clock_type::now() - began, 900ms);
  EXPECT_EQ(releases, 36) << "those that came after 64 others gave theirs back at once";
}

TEST_F(idle, streams_go_with_their_loop) {
  auto loop = std::make_unique<asio::io_context>();
  auto held = std::make_shared<std::list<talk>>();
  const std::weak_ptr<std::list<talk>> seen = held;
  const auto client = client_context();
  const auto server = server_context();
  for (int i = 0; i < 50; ++i) {
    auto& t = held->emplace_back(loop->get_executor(), client, server);
    ASSERT_NO_FATAL_FAILURE(t.ends.shake_hands(*loop));
    t.serve();
    t.ends.client.async_read_some(asio::buffer(t.answer = " "), [held](const error_code&, std::size_t) {});
  }
  held.reset();
  run_ready(*loop);
  EXPECT_FALSE(seen.expired());
  loop.reset();
  EXPECT_TRUE(seen.expired());
}

// Half of a record has come and the rest has not: what is there is not given away.
TEST_F(idle, streams_keep_the_half_of_a_record) {
  begin(50);
  auto raw = join_sockets(io.get_executor());     // the reader's, behind
  auto behind = join_sockets(io.get_executor());  // a relay that holds bytes back
  tcp_stream writer(std::move(raw.client), client_context(), "localhost");
  tcp_stream reader(std::move(behind.server), server_context({.tickets = std::nullopt}), role::server);
  std::vector<char> held(64 * 1024);
  // Everything the writer says passes through here, and everything the reader says goes back.
  bool is_relaying = true;
  const std::function<void(tcp::socket&, tcp::socket&, std::shared_ptr<std::vector<char>>)> relay =
      [&](tcp::socket& from, tcp::socket& to, const std::shared_ptr<std::vector<char>>& buffer) {
        from.async_read_some(asio::buffer(*buffer), [&, buffer](const error_code& ec, std::size_t n) {
          if (ec || !is_relaying) return;
          asio::write(to, asio::buffer(*buffer, n));
          relay(from, to, buffer);
        });
      };
  relay(raw.server, behind.client, std::make_shared<std::vector<char>>(16384));
  relay(behind.client, raw.server, std::make_shared<std::vector<char>>(16384));
  shake_hands(io, writer, reader);
  is_relaying = false;
  raw.server.cancel();
  behind.client.cancel();
  run_ready(io);

  outcome wrote, read;
  const auto text = random_text(8000);
  std::string got(text.size(), '\0');
  asio::async_read(reader, asio::buffer(got), read.handler());
  asio::async_write(writer, asio::buffer(text), wrote.handler());
  ASSERT_FALSE(wrote.wait(io));
  const auto n = asio::read(raw.server, asio::buffer(held), asio::transfer_at_least(text.size() + 22));
  asio::write(behind.client, asio::buffer(held, n / 2));
  // The first look sees that it has just read, the second that it has not; the others wait again by then.
  ASSERT_TRUE(run_until(io, [] { return releases >= 100; })) << releases;
  for (auto& t : talks) t.ask();
  ASSERT_TRUE(run_until(io, [] { return releases >= 200 && refusals == 1; })) << releases << ' ' << refusals;
  EXPECT_FALSE(read.is_done);
  asio::write(behind.client, asio::buffer(held.data() + n / 2, n - n / 2));
  EXPECT_FALSE(read.wait(io));
  EXPECT_TRUE(got == text);
}

// Asks, waits, and asks again at about the moment when the streams are being looked at.
asio::awaitable<void> ask_at_looks(tcp_stream& client, std::atomic<int>& exact) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  for (int i = 0; i < 3; ++i) {
    const std::string question = "round " + std::to_string(i);
    std::string answer(question.size(), '\0');
    co_await asio::async_write(client, asio::buffer(question), asio::use_awaitable);
    co_await asio::async_read(client, asio::buffer(answer), asio::use_awaitable);
    if (answer == question) ++exact;
    pause.expires_after(1000ms + std::chrono::milliseconds(i));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

// Without strands, as a program may that has one operation of a stream outstanding at a time.
TEST_F(idle, streams_are_left_whole_by_a_loop_of_several_threads) {
  const auto client = client_context();
  const auto server = server_context({.tickets = std::nullopt});
  for (int i = 0; i < 50; ++i) {
    auto& t = talks.emplace_back(io.get_executor(), client, server);
    ASSERT_NO_FATAL_FAILURE(t.ends.shake_hands(io));
  }
  for (auto& t : talks) t.serve();
  std::atomic<int> exact = 0;
  std::vector<std::jthread> threads;
  io.restart();
  auto work = asio::make_work_guard(io);
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) threads.emplace_back([this] { io.run(); });
  std::vector<std::future<void>> asked;
  for (auto& t : talks) asked.push_back(asio::co_spawn(io, ask_at_looks(t.ends.client, exact), asio::use_future));
  for (auto& each : asked) each.get();
  work.reset();
  io.stop();
  threads.clear();
  EXPECT_EQ(exact, 150);
}

}  // namespace
}  // namespace sluice::test
