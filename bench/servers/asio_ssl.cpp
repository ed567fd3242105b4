// SPDX-License-Identifier: Apache-2.0
// The server on Boost.Asio's asio::ssl and the system's OpenSSL, with callbacks: does what coal does.
#include "common/settings.hpp"
#include "servers/session.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <openssl/ssl.h>

#include <iostream>

namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;
using stream = ssl::stream<tcp::socket>;

struct end_stream {
  template <class Session>
  void operator()(stream& s, std::shared_ptr<Session> owner) const {
    s.async_shutdown([owner = std::move(owner)](error_code) {});
  }
};
using session = bench::session<stream, end_stream>;

// TLS 1.3, the cipher and the groups of the other servers; one ticket, as s2n issues.
void configure(ssl::context& tls, const bench::server_settings& given) {
  auto* const native = tls.native_handle();
  tls.use_certificate_chain_file(given.chain);
  tls.use_private_key_file(given.key, ssl::context::pem);
  ::SSL_CTX_set_min_proto_version(native, TLS1_3_VERSION);
  ::SSL_CTX_set_ciphersuites(native, "TLS_AES_128_GCM_SHA256");
  ::SSL_CTX_set1_groups_list(native, "X25519:P-256");
  ::SSL_CTX_set_num_tickets(native, given.has_tickets ? 1 : 0);
  if (given.is_mutual) {
    tls.load_verify_file(given.anchors);
    tls.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  }
}

void accept_next(tcp::acceptor& in, ssl::context& tls) {
  in.async_accept([&](error_code ec, tcp::socket socket) {
    if (!ec) {
      socket.set_option(tcp::no_delay(true), ec);
      const auto one = std::make_shared<session>(std::move(socket), tls);
      one->stream().async_handshake(ssl::stream_base::server, [one](error_code failed) {
        if (!failed) one->read();
      });
    }
    accept_next(in, tls);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  ssl::context tls(ssl::context::tls_server);
  configure(tls, bench::server_settings(argc, argv));
  asio::io_context io(1);
  tcp::acceptor in(io, {asio::ip::address_v4::loopback(), 0}, true);
  in.listen(4096);
  bench::report_port(in.local_endpoint().port());
  accept_next(in, tls);
  io.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
