// SPDX-License-Identifier: Apache-2.0
// Sluice's server with callbacks: does what coal does.
#include "servers/session.hpp"
#include "servers/sluice_server.hpp"

#include <iostream>

namespace {

struct end_stream {
  template <class Session>
  void operator()(sluice::tcp_stream& s, std::shared_ptr<Session> owner) const {
    s.async_shutdown_write([owner = std::move(owner)](boost::system::error_code) {});
  }
};
using session = bench::session<sluice::tcp_stream, end_stream>;

void accept_next(sluice::acceptor& in) {
  in.async_accept([&in](boost::system::error_code ec, sluice::tcp_stream s) {
    if (!ec) std::make_shared<session>(std::move(s))->read();
    accept_next(in);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  boost::asio::io_context io(1);
  auto in = bench::make_acceptor(io, bench::make_context(bench::server_settings(argc, argv)));
  accept_next(in);
  io.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
