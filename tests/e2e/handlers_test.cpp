// SPDX-License-Identifier: Apache-2.0
// What Asio promises about a handler holds for ours: its executor, its allocator, its time.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/strand.hpp>

#include <memory>
#include <thread>

namespace sluice::test {
namespace {

struct handlers : ::testing::Test {
  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context(), server_context()};
  tcp_stream& client = ends.client;
  tcp_stream& server = ends.server;
  std::array<char, 5> byte5{};
};

TEST_F(handlers, never_run_inside_the_initiating_call) {
  bool is_inside = true;
  std::size_t completed = 0;
  const auto note = [&](const error_code&, std::size_t = 0) {
    EXPECT_FALSE(is_inside);
    ++completed;
  };
  // All of these know their outcome at once: not ready, nothing to do, another one outstanding.
  client.async_read_some(asio::buffer(byte5), note);
  client.async_write_some(asio::buffer("hello", 5), note);
  client.async_shutdown(note);
  is_inside = false;
  run_ready(io);
  EXPECT_EQ(completed, 3u);

  ends = joined_streams(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  EXPECT_EQ(pass(io, server, client, "hello"), "hello");
  outcome wrote;
  asio::async_write(server, asio::buffer("hello", 5), wrote.handler());
  wrote.wait(io);
  is_inside = true;
  client.async_read_some(asio::buffer(byte5), note);        // bytes are there already
  client.async_read_some(asio::buffer(byte5), note);        // busy
  client.async_write_some(asio::buffer("hello", 5), note);  // the socket takes it
  server.async_write_some(asio::const_buffer(), note);      // nothing to write
  server.async_shutdown_write(note);
  is_inside = false;
  run_ready(io);
  EXPECT_EQ(completed, 8u);
}

TEST_F(handlers, hear_when_an_operation_is_outstanding_already) {
  ends.shake_hands(io);
  outcome first, second, third;
  client.async_read_some(asio::buffer(byte5), first.handler());
  client.async_read_some(asio::buffer(byte5), second.handler());
  EXPECT_EQ(second.wait(io), errc::in_use);
  client.async_shutdown(third.handler());
  outcome fourth;
  client.async_shutdown(fourth.handler());
  EXPECT_EQ(fourth.wait(io), errc::in_use);
  EXPECT_FALSE(first.is_done);
}

// Trap: what runs in between belongs to the stream's executor, whatever the handler is bound to.
TEST_F(handlers, run_on_their_own_executor_and_only_they) {
  asio::io_context theirs;
  outcome shaken, read, wrote, server_side;
  server.async_handshake(server_side.handler());
  client.async_handshake(asio::bind_executor(theirs, shaken.handler()));
  run(io);  // the whole handshake, without a turn of the handler's loop
  EXPECT_TRUE(server_side.is_done && !server_side.ec);
  EXPECT_TRUE(client.is_established());
  EXPECT_FALSE(shaken.is_done);
  run(theirs);
  EXPECT_TRUE(shaken.is_done);
  EXPECT_FALSE(shaken.ec);

  server.async_write_some(asio::buffer("hello", 5), asio::bind_executor(theirs, wrote.handler()));
  client.async_read_some(asio::buffer(byte5), asio::bind_executor(theirs, read.handler()));
  run(io);
  EXPECT_FALSE(wrote.is_done || read.is_done);
  run(theirs);
  EXPECT_TRUE(wrote.is_done && read.is_done);
  EXPECT_EQ(read.bytes, 5u);
}

// Trap: the erased handler is completed on its executor, which meanwhile has work to wait for.
TEST_F(handlers, keep_their_executor_at_work) {
  ends.shake_hands(io);
  asio::io_context theirs;
  outcome read;
  client.async_read_some(asio::buffer(byte5), asio::bind_executor(theirs, read.handler()));
  theirs.poll();
  EXPECT_FALSE(theirs.stopped()) << "a loop that waits for nothing but this completion has come to its end";
  outcome wrote;
  server.async_write_some(asio::buffer("hello", 5), wrote.handler());
  wrote.wait(io);
  run(io);
  run(theirs);  // ends by itself once the handler has run
  EXPECT_TRUE(read.is_done);
}

TEST_F(handlers, of_connecting_and_accepting_run_on_their_own_executor) {
  asio::io_context theirs;
  acceptor in(io, loopback(), server_context());
  const auto port = std::to_string(in.local_endpoint().port());
  int completed = 0;
  const auto note = [&](const error_code& ec, const tcp_stream& s) {
    EXPECT_FALSE(ec) << ec.message() << s.last_failure().message();
    EXPECT_TRUE(theirs.get_executor().running_in_this_thread());
    ++completed;
  };
  in.async_accept(asio::bind_executor(theirs, note));
  async_connect(io, client_context(), "localhost", port, asio::bind_executor(theirs, note));
  theirs.poll();
  EXPECT_FALSE(theirs.stopped());
  std::thread loop([this] { io.run(); });
  theirs.run_for(30s);
  EXPECT_EQ(completed, 2);
  in.close();
  loop.join();
}

// Counts what is allocated through it, and what is not given back.
struct counts {
  std::size_t made = 0;
  std::size_t held = 0;
};
template <class T>
struct counting_allocator {
  using value_type = T;
  counts* c;
  explicit counting_allocator(counts* to) : c(to) {}
  template <class U>
  counting_allocator(const counting_allocator<U>& other) : c(other.c) {}
  T* allocate(std::size_t n) {
    ++c->made;
    ++c->held;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) {
    --c->held;
    std::allocator<T>().deallocate(p, n);
  }
  template <class U>
  bool operator==(const counting_allocator<U>& other) const {
    return c == other.c;
  }
};

TEST_F(handlers, allocate_by_their_own_allocator_and_get_the_memory_back_first) {
  counts c;
  int completed = 0;
  const auto with_allocator = [&](auto fn) { return asio::bind_allocator(counting_allocator<int>(&c), std::move(fn)); };
  const auto note = [&](const error_code& ec, std::size_t = 0) {
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(c.held, 0u) << "memory of an operation outlives it";
    EXPECT_GT(std::exchange(c.made, 0), 0u) << "the handler's allocator was not asked";
    ++completed;
  };
  outcome other;
  server.async_handshake(other.handler());
  client.async_handshake(with_allocator(note));
  other.wait(io);
  run_ready(io);
  client.async_write_some(asio::buffer("hello", 5), with_allocator(note));
  run_ready(io);
  outcome wrote;
  server.async_write_some(asio::buffer("hello", 5), wrote.handler());
  client.async_read_some(asio::buffer(byte5), with_allocator(note));
  wrote.wait(io);
  run_ready(io);
  client.async_shutdown_write(with_allocator(note));
  run_ready(io);
  EXPECT_EQ(completed, 4);
}

TEST_F(handlers, leave_a_cancellation_slot_that_may_be_used_at_any_time) {
  asio::cancellation_signal before, during, after;
  outcome read;
  {
    asio::io_context short_lived;
    joined_streams short_ends{short_lived.get_executor(), client_context(), server_context()};
    short_ends.shake_hands(short_lived);
    short_ends.client.async_read_some(asio::buffer(byte5), asio::bind_cancellation_slot(during.slot(), read.handler()));
    run_ready(short_lived);
  }
  during.emit(asio::cancellation_type::all);  // the handler, the stream and the loop are gone
  EXPECT_FALSE(read.is_done);

  ends.shake_hands(io);
  outcome wrote;
  client.async_write_some(asio::buffer("hello", 5), asio::bind_cancellation_slot(after.slot(), wrote.handler()));
  EXPECT_FALSE(wrote.wait(io));
  after.emit(asio::cancellation_type::all);  // it has completed long since
  EXPECT_EQ(pass(io, server, client, "hello"), "hello");
}

}  // namespace
}  // namespace sluice::test
