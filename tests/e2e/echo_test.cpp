// SPDX-License-Identifier: Apache-2.0
// The main road: connect, exchange, part.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "sluice/pkcs11/key.hpp"

namespace sluice::test {
namespace {

asio::awaitable<void> exchange(acceptor& in, context tls) {
  const auto port = std::to_string(in.local_endpoint().port());
  auto s = co_await async_connect(tls, "localhost", port, {.timeout = 20s});
  const std::string sent(100000, 'x');
  auto written = co_await asio::async_write(s, asio::buffer(sent), asio::use_awaitable);
  EXPECT_EQ(written, sent.size());
  std::string got(sent.size(), '\0');
  auto [ec, n] = co_await asio::async_read(s, asio::buffer(got), use_tuple);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(got, sent);
  co_await s.async_shutdown();
  in.close();
}

TEST(echo, goes_over_tcp) {
  asio::io_context io;
  acceptor in(io, loopback(), server_context());
  spawn(io, serve_echo(in));
  spawn(io, exchange(in, client_context()));
  run(io);
}

TEST(echo, goes_over_tcp_with_a_key_in_a_token) {
  const auto& generated = token_site("ec256");
  const auto key = pkcs11::open_key(generated.key_uri).value();
  asio::io_context io;
  acceptor in(io, loopback(), server_context({.identities = {identity::from_chain(generated.chain, key).value()}}));
  spawn(io, serve_echo(in));
  spawn(io, exchange(in, client_context()));
  run(io);
  EXPECT_EQ(key->stats().operations, 2u);  // one to look at the key, one to sign
}

asio::awaitable<void> refuse(acceptor& in, context tls) {
  const auto port = std::to_string(in.local_endpoint().port());
  auto [ec, s] =
      co_await async_connect(tls, "127.0.0.1", port, {.timeout = 20s, .server_name = "other.test"}, use_tuple);
  EXPECT_EQ(ec, errc::name_mismatch) << ec.message();
  EXPECT_EQ(
      s.last_failure().message(),
      "other.test: the certificate is for another name: it is for localhost, 127.0.0.1, ::1; connect by a name it "
      "carries, or have it issued for this one");
  in.close();
}

TEST(echo, refuses_another_name_at_once) {
  asio::io_context io;
  acceptor in(io, loopback(), server_context());
  spawn(io, serve_echo(in));
  const auto began = std::chrono::steady_clock::now();
  spawn(io, refuse(in, client_context({.blinding = blinding::at_most(1s)})));
  run(io);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

}  // namespace
}  // namespace sluice::test
