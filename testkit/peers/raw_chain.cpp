// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/raw_chain.hpp"

#include "testkit/peers/answer.hpp"
#include "testkit/peers/records.hpp"

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;

// s2n serves no chain that does not begin with the key's certificate, so this flight is made by hand.
asio::awaitable<void> send_chain(tcp::socket socket, std::vector<std::string> ders) {
  const auto hello = co_await read_some(socket);
  if (hello.empty()) co_return;
  const auto flight = record(22, server_hello({}) + certificate_message(ders));
  co_await write_all(socket, flight);
  co_await wait_for_end(socket);
}

}  // namespace

peer raw_chain(const std::vector<std::string>& ders) {
  return {.serve = [ders](tcp::socket socket) { return send_chain(std::move(socket), ders); }};
}

}  // namespace sluice::testkit::peers
