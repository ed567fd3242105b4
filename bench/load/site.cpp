// SPDX-License-Identifier: Apache-2.0
#include "load/site.hpp"

#include "testkit/authority/authority.hpp"
#include "testkit/authority/scratch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

void wait_for_end_of_input() {
  for (std::string line; std::getline(std::cin, line);) {
  }
}

asio::awaitable<void> echo(tcp::socket s) {
  s.set_option(tcp::no_delay(true));
  std::array<char, 4096> text;
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(text), use_tuple);
    if (ec) co_return;
    auto [failed, sent] = co_await asio::async_write(s, asio::buffer(text, n), use_tuple);
    if (failed) co_return;
  }
}

asio::awaitable<void> accept_all(tcp::acceptor& in) {
  for (;;) {
    auto [ec, s] = co_await in.async_accept(use_tuple);
    if (ec) co_return;
    const auto executor = s.get_executor();
    asio::co_spawn(executor, echo(std::move(s)), asio::detached);
  }
}

}  // namespace

int keep_site() {
  const auto root = sluice::testkit::authority::make_root("Sluice benchmarks").value();
  const auto token = sluice::testkit::scratch_token::make("bench").value();
  auto admin = token->admin().value();
  const std::byte id{1};
  admin.generate_key(sluice::pkcs11::key_type::ec256, "site", {&id, 1}).value();
  const auto keys = admin.keys().value();
  const auto generated = std::ranges::find(keys, "site", &sluice::pkcs11::key_info::label);
  if (generated == keys.end()) throw std::runtime_error("the key that was made is not there");

  sluice::testkit::leaf_options options;
  options.common_name = "localhost";
  options.names = {"localhost", "127.0.0.1"};
  const auto in_token = root.issue_for(generated->public_key, options).value();
  const auto in_memory = root.issue(options).value();
  const auto& home = sluice::testkit::softhsm_home();
  std::cout << "{\"folder\":\"" << home.path().string() << "\",\"ca\":\"" << home.write("ca.pem", root.certificate())
            << "\",\"token_chain\":\"" << home.write("token.pem", in_token.chain) << "\",\"memory_chain\":\""
            << home.write("memory.pem", in_memory.chain) << "\",\"memory_key\":\""
            << home.write("memory.key", in_memory.key) << "\",\"module\":\"" << token->module_path()
            << "\",\"label\":\"" << token->label() << "\",\"pin\":\"" << token->pin() << "\",\"pin_file\":\""
            << token->pin_file() << "\",\"softhsm_conf\":\"" << std::getenv("SOFTHSM2_CONF") << "\"}" << std::endl;
  wait_for_end_of_input();
  return 0;
}

int run_backend() {
  asio::io_context io{1};
  tcp::acceptor in(io, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(io, accept_all(in), asio::detached);
  std::cout << "{\"port\":" << in.local_endpoint().port() << "}" << std::endl;
  std::thread loop([&io] { io.run(); });
  wait_for_end_of_input();
  io.stop();
  loop.join();
  return 0;
}

}  // namespace bench
