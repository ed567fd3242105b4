// SPDX-License-Identifier: Apache-2.0
// A connection of a server with callbacks, over Sluice or asio::ssl: does what coal does once the handshake is done.
#pragma once

#include "common/job.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <memory>
#include <span>
#include <utility>

namespace bench {

// `End` sends close_notify on the stream and keeps the session alive meanwhile.
template <class Stream, class End>
class session : public std::enable_shared_from_this<session<Stream, End>> {
 public:
  using error_code = boost::system::error_code;

  template <class... Arguments>
  explicit session(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {}

  Stream& stream() { return stream_; }

  void read() {
    stream_.async_read_some(boost::asio::buffer(message_),
                            [me = this->shared_from_this()](error_code ec, std::size_t size) {
                              if (ec) return End()(me->stream_, me);
                              me->handle({me->message_.data(), size});
                            });
  }

 private:
  void handle(std::span<const char> message) {
    const auto asked = job::in(message);
    if (!asked) return write(message);
    job_ = *asked;
    job_.kind == job::download ? send_next() : receive_next();
  }

  void write(std::span<const char> data) {
    boost::asio::async_write(stream_, boost::asio::buffer(data.data(), data.size()),
                             [me = this->shared_from_this()](error_code ec, std::size_t) {
                               if (!ec) me->read();
                             });
  }

  void send_next() {
    if (job_.bytes == 0) return read();
    boost::asio::async_write(stream_, boost::asio::buffer(payload().data(), job_.next()),
                             [me = this->shared_from_this()](error_code ec, std::size_t size) {
                               me->job_.bytes -= size;
                               if (!ec) me->send_next();
                             });
  }

  void receive_next() {
    if (job_.bytes == 0) return write(payload().first(1));
    stream_.async_read_some(boost::asio::buffer(payload().data(), job_.next()),
                            [me = this->shared_from_this()](error_code ec, std::size_t size) {
                              me->job_.bytes -= size;
                              if (!ec) me->receive_next();
                            });
  }

  Stream stream_;
  std::array<char, message_size> message_;
  job job_;
};

}  // namespace bench
