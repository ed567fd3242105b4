// SPDX-License-Identifier: Apache-2.0
// What an outside project sees: public headers, one target. Shakes hands with itself over loopback.
//   consumer CERTIFICATE KEY
#include <sluice/asio.hpp>
#include <sluice/asio/proxy_connect.hpp>
#include <sluice/asio/starttls.hpp>
#include <sluice/pkcs11/key.hpp>
#include <sluice/version.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <cstdio>

namespace asio = boost::asio;
using asio::ip::tcp;

asio::awaitable<void> greet(sluice::acceptor& in) {
  auto s = co_await in.async_accept();
  co_await asio::async_write(s, asio::buffer("hello", 5), asio::use_awaitable);
  co_await s.async_shutdown();
}

asio::awaitable<void> listen(sluice::context tls, std::string port, int& outcome) {
  auto s = co_await sluice::async_connect(tls, "localhost", port);
  char text[5];
  const auto n = co_await s.async_read_some(asio::buffer(text));
  outcome = std::string_view(text, n) == "hello" ? 0 : 1;
  std::printf("%s with %s\n", s.info().version.c_str(), s.info().group.c_str());
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto version = sluice::version();
  std::printf("Sluice %s: s2n-tls %s, %s\n", version.text.c_str(), version.s2n.c_str(), version.aws_lc.c_str());
  const auto site = sluice::identity::from_pem_files(argv[1], argv[2]).value();
  const auto server = sluice::context::server({.identities = {site}}).value();
  const auto client = sluice::context::client({.trust = sluice::trust::from_file(argv[1]).value()}).value();
  const auto no_key = sluice::pkcs11::open_key("pkcs11:object=none?module-path=/nowhere.so");
  if (no_key || no_key.error().code != sluice::errc::module_load_failed) return 3;

  auto mail = sluice::starttls(sluice::starttls_protocol::smtp).value();
  if (!sluice::proxy_connect({.host = "example.org", .then = mail})) return 4;

  asio::io_context io;
  int outcome = 1;
  sluice::acceptor in(io, {asio::ip::address_v4::loopback(), 0}, server);
  asio::co_spawn(io, greet(in), asio::detached);
  asio::co_spawn(io, listen(client, std::to_string(in.local_endpoint().port()), outcome), asio::detached);
  io.run_for(std::chrono::seconds(30));
  return outcome;
}
