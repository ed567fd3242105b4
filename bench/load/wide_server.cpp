// SPDX-License-Identifier: Apache-2.0
#include "load/wide_server.hpp"

#include "sluice/asio/acceptor.hpp"
#include "sluice/pkcs11/key.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace bench {
namespace {

namespace asio = boost::asio;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

sluice::identity open_identity(const std::vector<std::string>& words) {
  if (words.size() == 3) return sluice::identity::from_pem_files(words[1], words[2]).value();
  sluice::pkcs11::key_options options;
  options.module_path = words[3];
  options.pin = sluice::pkcs11::pin_from_file(words[4]);
  options.sessions = std::stoul(words[5]);
  return sluice::identity::from_chain_file(words[1], sluice::pkcs11::open_key(words[2], options).value()).value();
}

asio::awaitable<void> echo(sluice::tcp_stream s) {
  std::array<char, 4096> text;
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(text), use_tuple);
    if (ec) co_return;
    auto [failed, sent] = co_await asio::async_write(s, asio::buffer(text, n), use_tuple);
    if (failed) co_return;
  }
}

asio::awaitable<void> accept_all(sluice::acceptor& in) {
  for (;;) {
    auto s = co_await in.async_accept(asio::use_awaitable);
    const auto executor = s.get_executor();
    asio::co_spawn(executor, echo(std::move(s)), asio::detached);
  }
}

}  // namespace

int serve_wide(const std::vector<std::string>& words) {
  sluice::server_options options;
  options.identities = {open_identity(words)};
  options.blinding = sluice::blinding::at_most(std::chrono::seconds(0));
  asio::io_context io{1};
  sluice::acceptor_options how;
  how.per_core = true;
  const auto port = static_cast<unsigned short>(std::stoul(words[0]));
  sluice::acceptor in(io, {asio::ip::address_v4::loopback(), port}, sluice::context::server(options).value(), how);
  asio::co_spawn(io, accept_all(in), asio::detached);
  io.run();
  return 0;
}

}  // namespace bench
