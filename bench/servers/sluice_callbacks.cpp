// SPDX-License-Identifier: Apache-2.0
// Sluice's server with callbacks: does what coal does.
#include "servers/sluice_server.hpp"

#include <boost/asio/write.hpp>

#include <iostream>
#include <memory>

namespace {

using bench::job;
using boost::system::error_code;
namespace asio = boost::asio;

class session : public std::enable_shared_from_this<session> {
 public:
  explicit session(sluice::tcp_stream s) : stream_(std::move(s)) {}

  void read() {
    stream_.async_read_some(asio::buffer(message_), [me = shared_from_this()](error_code ec, std::size_t size) {
      if (ec) return me->end();
      const std::span<const char> message(me->message_.data(), size);
      if (const auto asked = job::in(message)) {
        me->job_ = *asked;
        return asked->kind == job::download ? me->send_next() : me->receive_next();
      }
      me->write({message.data(), size});
    });
  }

 private:
  void write(std::span<const char> data) {
    asio::async_write(stream_, asio::buffer(data.data(), data.size()),
                      [me = shared_from_this()](error_code ec, std::size_t) {
                        if (!ec) me->read();
                      });
  }

  void send_next() {
    if (job_.bytes == 0) return read();
    asio::async_write(stream_, asio::buffer(bench::payload().data(), job_.next()),
                      [me = shared_from_this()](error_code ec, std::size_t size) {
                        me->job_.bytes -= size;
                        if (!ec) me->send_next();
                      });
  }

  void receive_next() {
    if (job_.bytes == 0) return write(bench::payload().first(1));
    stream_.async_read_some(asio::buffer(bench::payload().data(), job_.next()),
                            [me = shared_from_this()](error_code ec, std::size_t size) {
                              me->job_.bytes -= size;
                              if (!ec) me->receive_next();
                            });
  }

  void end() {
    stream_.async_shutdown_write([me = shared_from_this()](error_code) {});
  }

  sluice::tcp_stream stream_;
  std::array<char, bench::message_size> message_;
  job job_;
};

void accept_next(sluice::acceptor& in) {
  in.async_accept([&in](error_code ec, sluice::tcp_stream s) {
    if (!ec) std::make_shared<session>(std::move(s))->read();
    accept_next(in);
  });
}

}  // namespace

int main(int argc, char** argv) try {
  asio::io_context io(1);
  auto in = bench::make_acceptor(io, bench::make_context(bench::server_settings(argc, argv)));
  accept_next(in);
  io.run();
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
