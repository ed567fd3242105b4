// SPDX-License-Identifier: Apache-2.0
// Sluice's client, with a stream over a socket (by=stream) or with async_connect (by=connect): does what bare_client
// does with work=handshake. With only_start=1 it makes one client context and ends; without site=, the context has the
// system's trust store.
#include "common/rounds.hpp"

#include "sluice/asio/connect.hpp"
#include "sluice/asio/stream.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include <netinet/in.h>

#include <iostream>
#include <memory>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Under callgrind, on a busy machine, a handshake can take longer than the default allows.
constexpr std::chrono::minutes patience{10};

void check(error_code ec) {
  if (ec) throw boost::system::system_error(ec);
}

class handshakes {
 public:
  explicit handshakes(const bench::settings& given)
      : context_(make_context(given)),
        server_(asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(given.number("port", 0))),
        service_(std::to_string(server_.port())),
        at_once_(given.number("at_once", 8)),
        uses_connect_(given.text("by") == "connect") {}

  bench::round_result run(std::uint64_t count) {
    unbegun_ = count;
    result_ = {};
    for (std::uint64_t i = 0; i < at_once_; ++i) begin_next();
    io_.run();
    io_.restart();
    return std::exchange(result_, {});
  }

 private:
  struct session {
    std::optional<sluice::tcp_stream> stream;
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    char echo = 0;
  };
  using session_ptr = std::shared_ptr<session>;

  static sluice::context make_context(const bench::settings& given) {
    const auto site = given.text("site");
    sluice::client_options options;
    options.policy = "20190801";  // as bare_client's
    options.trust = sluice::trust::from_file(site + "/ca.pem").value();
    if (given.number("mutual", 0) != 0)
      options.identity = sluice::identity::from_pem_files(site + "/client.pem", site + "/client.key").value();
    return sluice::context::client(options).value();
  }

  void begin_next() {
    if (unbegun_ == 0) return;
    --unbegun_;
    const auto one = std::make_shared<session>();
    uses_connect_ ? connect(one) : make_stream(one);
  }

  void connect(const session_ptr& one) {
    sluice::connect_options options;
    options.server_name = "localhost";
    options.timeout = patience;
    options.serial = true;
    sluice::async_connect(io_, context_, "127.0.0.1", service_, options,
                          [this, one](error_code ec, sluice::tcp_stream s) {
                            check(ec);
                            one->stream.emplace(std::move(s));
                            echo(one);
                          });
  }

  // The addresses and options of bare_client's sockets.
  void make_stream(const session_ptr& one) {
    tcp::socket socket(io_, tcp::v4());
    socket.set_option(tcp::no_delay(true));
    socket.set_option(asio::detail::socket_option::boolean<IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT>(true));
    socket.bind({asio::ip::address_v4(asio::ip::address_v4::loopback().to_uint() + source_++ % 32), 0});
    one->stream.emplace(
        std::move(socket), context_, sluice::role::client,
        sluice::stream_options{
            .server_name = "localhost", .handshake_timeout = patience, .shutdown_timeout = patience, .serial = true});
    one->stream->next_layer().async_connect(server_, [this, one](error_code ec) {
      check(ec);
      one->stream->async_handshake([this, one](error_code failed) {
        check(failed);
        echo(one);
      });
    });
  }

  void echo(const session_ptr& one) {
    asio::async_write(*one->stream, asio::buffer("x", 1), [this, one](error_code ec, std::size_t) {
      check(ec);
      one->stream->async_read_some(asio::buffer(&one->echo, 1), [this, one](error_code failed, std::size_t) {
        check(failed);
        one->stream->async_shutdown_write([this, one](error_code) { end(*one); });
      });
    });
  }

  void end(session& one) {
    ++result_.count;
    result_.times.push_back(std::chrono::steady_clock::now() - one.began);
    one.stream.reset();
    begin_next();
  }

  asio::io_context io_{1};
  const sluice::context context_;
  const tcp::endpoint server_;
  const std::string service_;
  const std::uint64_t at_once_;
  const bool uses_connect_;
  std::uint64_t unbegun_ = 0;
  std::uint32_t source_ = 0;
  bench::round_result result_;
};

}  // namespace

int main(int argc, char** argv) try {
  const bench::settings given(argc, argv,
                              {"site", "port", "by", "work", "count", "warm_up", "at_once", "mutual", "only_start"});
  if (given.has("only_start")) {
    sluice::client_options options;
    if (given.has("site")) options.trust = sluice::trust::from_file(given.text("site") + "/ca.pem").value();
    (void)sluice::context::client(options).value();
    return 0;
  }
  handshakes work(given);
  if (const auto warm_up = given.number("warm_up", 0); warm_up > 0) work.run(warm_up);
  bench::run_rounds([&] { return work.run(given.number("count", 1)); });
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
