// SPDX-License-Identifier: Apache-2.0
// Early data over sockets: given to async_connect, read from what the acceptor yields, and never sent twice.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <optional>

namespace sluice::test {
namespace {

const std::string request = "GET / HTTP/1.1\r\n\r\n";

std::shared_ptr<const secret> seed() {
  static const auto made = std::make_shared<const secret>(std::string_view("0123456789abcdef0123456789abcdef"));
  return made;
}

// Gives its newest session to whoever asks, as often as they do.
class generous_store final : public session_store {
 public:
  void put(std::string_view, std::span<const std::byte> session, std::chrono::seconds) override {
    kept_.emplace(session);
  }
  std::optional<secret> take(std::string_view) override { return kept_ ? std::optional(kept_->clone()) : std::nullopt; }

 private:
  std::optional<secret> kept_;
};

context server_taking(std::uint32_t bytes) {
  server_options options;
  options.max_early_data = bytes;
  options.tickets = ticket_options{.seed = seed()};
  return server_context(std::move(options));
}

struct early_sockets : ::testing::Test {
  asio::io_context io;
  context tls = client_context({.sessions = make_session_store()});

  // What async_connect completed with, and a server that has read `wanted` bytes of it.
  struct met {
    std::optional<tcp_stream> client, server;
    failure error;
  };
  met meet(acceptor& in, const connect_options& wishes) {
    met made;
    const auto port = std::to_string(in.local_endpoint().port());
    in.async_accept([&made](error_code ec, tcp_stream s) {
      if (!ec) made.server.emplace(std::move(s));
    });
    auto options = wishes;
    options.failure = &made.error;
    async_connect(io, tls, "localhost", port, options, [&made](error_code ec, tcp_stream s) {
      if (!ec) made.client.emplace(std::move(s));
    });
    EXPECT_TRUE(run_until(io, [&made] { return made.client && made.server; })) << made.error.message();
    return made;
  }
  // So that the client has a ticket.
  void visit(acceptor& in) {
    auto first = meet(in, {});
    EXPECT_EQ(pass(io, *first.server, *first.client, "hello"), "hello");
  }
};

TEST_F(early_sockets, a_request_arrives_with_the_handshake) {
  acceptor in(io, loopback(), server_taking(16384));
  visit(in);
  auto [client, server, error] = meet(in, {.early_data = request});
  EXPECT_EQ(client->info().early_data, early_data::accepted);
  EXPECT_EQ(client->info().early_bytes, request.size());
  EXPECT_EQ(server->info().early_bytes, request.size());
  std::string got(request.size(), '\0');
  outcome read;
  asio::async_read(*server, asio::buffer(got), read.handler());
  EXPECT_FALSE(read.wait(io)) << read.ec.message();
  EXPECT_EQ(got, request);
  EXPECT_EQ(pass(io, *server, *client, "answer"), "answer");
  EXPECT_EQ(pass(io, *client, *server, "more"), "more");
}

TEST_F(early_sockets, what_was_not_taken_is_the_callers_to_write) {
  acceptor in(io, loopback(), server_taking(10));
  visit(in);
  auto [client, server, error] = meet(in, {.early_data = request});
  EXPECT_EQ(client->info().early_bytes, 10u);
  outcome wrote, read;
  std::string got(request.size(), '\0');
  asio::async_write(*client, asio::buffer(request) + client->info().early_bytes, wrote.handler());
  asio::async_read(*server, asio::buffer(got), read.handler());
  EXPECT_FALSE(wrote.wait(io));
  EXPECT_FALSE(read.wait(io));
  EXPECT_EQ(got, request);
}

TEST_F(early_sockets, a_blocking_read_gives_it_too) {
  acceptor in(io, loopback(), server_taking(100));
  visit(in);
  auto [client, server, error] = meet(in, {.early_data = request});
  std::string got(request.size(), '\0');
  EXPECT_EQ(asio::read(*server, asio::buffer(got)), request.size());
  EXPECT_EQ(got, request);
}

// The first try's may have been acted on by a server that was not heard of again.
TEST_F(early_sockets, a_second_try_sends_none_of_it) {
  tls = client_context({.sessions = std::make_shared<generous_store>()});
  acceptor in(io, loopback(), server_taking(100));
  visit(in);
  const auto at = in.local_endpoint();
  in.close();
  run_ready(io);
  tcp::acceptor rude(io, at);
  std::optional<acceptor> back;
  rude.async_accept([&](error_code, tcp::socket s) {
    s.set_option(asio::socket_base::linger(true, 0));
    s.close();
    rude.close();
    back.emplace(io, at, server_taking(100));
  });
  std::optional<tcp_stream> client;
  connect_report report;
  async_connect(io, tls, "localhost", std::to_string(at.port()),
                connect_options{.timeout = 60s, .report = &report, .retry = {}, .early_data = request},
                [&client](error_code ec, tcp_stream s) {
                  EXPECT_FALSE(ec) << s.last_failure().message();
                  client.emplace(std::move(s));
                });
  std::optional<tcp_stream> server;
  ASSERT_TRUE(run_until(io, [&] { return back.has_value(); }));
  back->async_accept([&server](error_code, tcp_stream s) { server.emplace(std::move(s)); });
  ASSERT_TRUE(run_until(io, [&] { return client && server; }));
  EXPECT_EQ(report.tries, 2u);
  EXPECT_TRUE(client->info().resumed);
  EXPECT_EQ(client->info().early_data, early_data::none);
  EXPECT_EQ(server->info().early_bytes, 0u);
}

}  // namespace
}  // namespace sluice::test
