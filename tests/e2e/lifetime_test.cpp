// SPDX-License-Identifier: Apache-2.0
// Streams and loops may go at any moment: handlers complete once or are destroyed, and nothing is leaked (ASan).
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <list>
#include <memory>
#include <optional>

namespace sluice::test {
namespace {

char byte = 0;
const std::string much(8 << 20, 'm');

void handshake(tcp_stream& s, outcome& o) { s.async_handshake(o.handler()); }
void read(tcp_stream& s, outcome& o) { s.async_read_some(asio::buffer(&byte, 1), o.handler()); }
void write(tcp_stream& s, outcome& o) { s.async_write_some(asio::buffer(much), o.handler()); }
void shut(tcp_stream& s, outcome& o) { s.async_shutdown(o.handler()); }

struct one_of_each : ::testing::TestWithParam<std::pair<const char*, void (*)(tcp_stream&, outcome&)>> {
  // A client with that operation outstanding, and a server that does nothing.
  struct scene {
    asio::io_context io;
    std::optional<tcp_stream> client, server;
    outcome done;
  };
  std::unique_ptr<scene> begin(bool has_waited) {
    auto made = std::make_unique<scene>();
    joined_streams ends(made->io.get_executor(), client_context(), server_context());
    if (GetParam().second != handshake) ends.shake_hands(made->io);
    made->client.emplace(std::move(ends.client));
    made->server.emplace(std::move(ends.server));
    do {  // the sockets swallow many a write before one has to wait
      made->done = {};
      GetParam().second(*made->client, made->done);
      if (has_waited || GetParam().second == write) run_ready(made->io);
    } while (made->done.is_done);
    EXPECT_FALSE(made->done.is_done);
    return made;
  }
};

TEST_P(one_of_each, ends_with_its_stream) {
  for (const bool has_waited : {false, true}) {
    auto scene = begin(has_waited);
    scene->client.reset();
    EXPECT_FALSE(scene->done.is_done) << "not from inside the destructor";
    EXPECT_EQ(scene->done.wait(scene->io), asio::error::operation_aborted);
    outcome peer;
    scene->server->async_handshake(peer.handler());
    scene->server.reset();
    run(scene->io);
  }
}

TEST_P(one_of_each, goes_with_its_loop) {
  for (const bool has_waited : {false, true}) {
    auto scene = begin(has_waited);
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> seen = held;
    scene->server->async_shutdown([held = std::move(held)](const error_code&) {});
    scene.reset();
    EXPECT_TRUE(seen.expired());
  }
}

// The handler owns the stream, as in most programs: the loop takes both along.
TEST_P(one_of_each, does_not_keep_itself_alive) {
  struct session {
    tcp_stream stream;
  };
  std::weak_ptr<session> seen;
  {
    auto scene = begin(true);
    joined_streams ends(scene->io.get_executor(), client_context(), server_context());
    ends.shake_hands(scene->io);
    auto owner = std::make_shared<session>(session{std::move(ends.client)});
    seen = owner;
    owner->stream.async_read_some(asio::buffer(&byte, 1), [owner](const error_code&, std::size_t) {});
    owner->stream.async_shutdown([owner](const error_code&) {});
    owner->stream.async_write_some(asio::buffer(much), [owner](const error_code&, std::size_t) {});
    owner.reset();
    run_ready(scene->io);
    EXPECT_FALSE(seen.expired());
  }
  EXPECT_TRUE(seen.expired());
}

TEST_P(one_of_each, may_destroy_the_stream_from_its_handler) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  if (GetParam().second != handshake) ends.shake_hands(io);
  std::optional<tcp_stream> client(std::move(ends.client));
  int completed = 0;
  const auto destroy = [&](const error_code& = {}, std::size_t = 0) {
    ++completed;
    client.reset();
  };
  if (GetParam().second == handshake) client->async_handshake(destroy);
  if (GetParam().second == read) client->async_read_some(asio::buffer(&byte, 1), destroy);
  if (GetParam().second == write) client->async_write_some(asio::buffer(&byte, 1), destroy);
  if (GetParam().second == shut) client->async_shutdown(destroy);
  ends.server.lowest_layer().close();
  run(io);
  EXPECT_EQ(completed, 1);
}

INSTANTIATE_TEST_SUITE_P(operation, one_of_each,
                         ::testing::Values(std::pair("handshake", &handshake), std::pair("read", &read),
                                           std::pair("write", &write), std::pair("shutdown", &shut)),
                         [](const auto& info) { return std::string(info.param.first); });

TEST(lifetime, of_a_loop_may_end_with_sockets_lingering) {
  asio::io_context io;
  const auto stranger = client_context({.trust = trust::from_pem(site("rsa2048").certificate).value()});
  joined_streams ends(io.get_executor(), stranger, server_context());
  outcome c, s;
  ends.client.async_handshake(c.handler());
  ends.server.async_handshake(s.handler());
  EXPECT_EQ(c.wait(io), errc::untrusted);
}

TEST(lifetime, of_a_loop_may_end_with_an_acceptor_at_work) {
  auto held = std::make_shared<int>();
  const std::weak_ptr<int> seen = held;
  {
    asio::io_context io;
    acceptor in(io, loopback(), server_context());
    for (int i = 0; i < 3; ++i) in.async_accept([held](const error_code&, const tcp_stream&) {});
    std::list<tcp::socket> clients;
    for (int i = 0; i < 3; ++i) clients.emplace_back(io).connect(in.local_endpoint());
    ASSERT_TRUE(run_until(io, [&] { return in.silent_connections() == 3; }));
    held.reset();
    EXPECT_FALSE(seen.expired());
  }
  EXPECT_TRUE(seen.expired());
}

TEST(lifetime, of_a_moved_stream_is_that_of_its_new_place) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  tcp_stream elsewhere(std::move(ends.client));
  EXPECT_EQ(pass(io, elsewhere, ends.server, "moved"), "moved");
  joined_streams others(io.get_executor(), client_context(), server_context());
  others.shake_hands(io);
  elsewhere = std::move(others.client);
  EXPECT_EQ(pass(io, elsewhere, others.server, "assigned"), "assigned");
}

TEST(lifetime, of_what_a_stream_was_ends_when_another_is_assigned) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  joined_streams others(io.get_executor(), client_context(), server_context());
  others.shake_hands(io);
  outcome read;
  ends.server.async_read_some(asio::buffer(&byte, 1), read.handler());
  ends.client = std::move(others.client);
  EXPECT_TRUE(read.wait(io)) << "its socket is open still";
  EXPECT_EQ(pass(io, ends.client, others.server, "assigned"), "assigned");
  auto& itself = ends.client;
  ends.client = std::move(itself);
  EXPECT_EQ(pass(io, ends.client, others.server, "still there"), "still there");
}

// Made by default, moved from: empty, and every call says so.
TEST(lifetime, of_an_empty_stream_has_errors_and_no_crash) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  const auto moved = std::move(ends.client);
  tcp_stream made;
  for (auto* s : {&ends.client, &made}) {
    error_code ec;
    s->handshake(ec);
    EXPECT_EQ(ec, errc::not_ready);
    EXPECT_EQ(s->read_some(asio::buffer(&byte, 1), ec), 0u);
    EXPECT_EQ(ec, errc::not_ready);
    EXPECT_EQ(s->write_some(asio::buffer(&byte, 1), ec), 0u);
    EXPECT_EQ(ec, errc::not_ready);
    s->shutdown(ec);
    EXPECT_EQ(ec, errc::not_ready);
    EXPECT_EQ(s->request_key_update(), errc::not_ready);
    EXPECT_EQ(s->last_failure().code, errc::not_ready);
    EXPECT_FALSE(s->is_established());
    EXPECT_EQ(s->info().version, "");
    EXPECT_EQ(s->statistics().sent.records, 0u);
    EXPECT_TRUE(s->verified_chain().empty() && s->unverified_certificates().empty() && !s->selected_identity());
    EXPECT_TRUE(s->transcript().messages.empty());
    s->set_timeouts(1s, 1s);
    EXPECT_EQ(s->get_executor(), asio::any_io_executor());
    EXPECT_THROW(s->release(), boost::system::system_error);
    EXPECT_THROW(s->async_shutdown([](const error_code&) {}), boost::system::system_error);
    EXPECT_THROW(s->shutdown(), boost::system::system_error);
  }
}

TEST(lifetime, of_a_released_stream_has_errors_and_no_crash) {
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  const auto raw = ends.client.release();
  error_code ec;
  EXPECT_EQ(ends.client.read_some(asio::buffer(&byte, 1), ec), 0u);
  EXPECT_EQ(ec, errc::not_ready);
  outcome wrote, shaken;
  ends.client.async_write_some(asio::buffer(&byte, 1), wrote.handler());
  EXPECT_EQ(wrote.wait(io), errc::not_ready);
  ends.client.async_handshake(shaken.handler());
  EXPECT_EQ(shaken.wait(io), errc::not_ready);
  EXPECT_EQ(ends.client.last_failure().code, errc::not_ready);
  EXPECT_NE(ends.client.info().version, "") << "what it was can still be asked for";
  EXPECT_TRUE(raw.is_open());
}

// A future makes a place for the stream before there is one.
TEST(lifetime, of_a_stream_may_begin_in_a_future) {
  asio::io_context io;
  acceptor in(io, loopback(), server_context());
  spawn(io, serve_echo(in));
  const auto port = std::to_string(in.local_endpoint().port());
  const auto connect = [](const context& tls, std::string at) -> asio::awaitable<tcp_stream> {
    co_return co_await async_connect(tls, "127.0.0.1", at, asio::use_awaitable);
  };
  const auto tls = client_context();
  auto made = asio::co_spawn(io, connect(tls, port), asio::use_future);
  asio::experimental::channel<void(error_code, tcp_stream)> passed_on(io, 1);
  ASSERT_TRUE(run_until(io, [&] { return made.wait_for(0s) == std::future_status::ready; }));
  EXPECT_TRUE(passed_on.try_send(error_code(), made.get()));
  bool has_come = false;
  passed_on.async_receive([&](const error_code& ec, tcp_stream s) {
    EXPECT_FALSE(ec);
    has_come = s.is_established();
  });
  in.close();
  run(io);
  EXPECT_TRUE(has_come);
}

}  // namespace
}  // namespace sluice::test
