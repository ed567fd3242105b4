// SPDX-License-Identifier: Apache-2.0
// coal: the server that all others are compared with. An epoll loop on s2n alone, one thread, connections used again,
// all that one call of s2n writes in one send ("coalesced").
#include "bare/config.hpp"
#include "bare/connection.hpp"
#include "common/job.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <iostream>
#include <vector>

namespace bench {
namespace {

class session {
 public:
  session(poller& events, outbox& out) : events_(events), tls_(S2N_SERVER, out) {}

  void begin(descriptor socket, s2n_config& config) {
    is_established_ = false;
    job_ = {};
    waits_for_ = EPOLLIN;
    events_.add(socket.get(), EPOLLIN, this);
    tls_.open(std::move(socket), config);
  }

  // Does all that can be done now; false if the connection is over.
  bool advance() {
    if (!tls_.flush()) return wait_for(EPOLLOUT);
    if (!is_established_) {
      const auto state = tls_.negotiate();
      if (state == progress::blocked) return wait_for(tls_.flush() ? EPOLLIN : EPOLLOUT);
      if (state != progress::done) return false;
      is_established_ = true;
    }
    return send_job() && (job_.bytes > 0 || serve());
  }

  void end() { tls_.close(); }

 private:
  bool wait_for(std::uint32_t events) {
    if (waits_for_ != events) events_.change(tls_.socket(), events, this);
    waits_for_ = events;
    return true;
  }

  bool serve() {
    do {
      std::size_t size = 0;
      const auto state = tls_.read({shared_message.data(), shared_message.size()}, size);
      if (state == progress::blocked) break;
      if (state != progress::done) return false;
      const std::span<const char> message(shared_message.data(), size);
      if (const auto asked = job::in(message)) {
        job_ = *asked;
        if (job_.kind == job::upload ? !receive_job() : !send_job()) return false;
        if (job_.bytes > 0) return true;
      } else if (!send(message)) {
        return false;
      }
    } while (tls_.has_buffered());
    return wait_for(tls_.flush() ? EPOLLIN : EPOLLOUT);
  }

  // What is left of an echo that s2n did not take would be lost: a client of this benchmark waits for each echo.
  bool send(std::span<const char> data) {
    std::size_t taken = 0;
    return tls_.write(data, taken) == progress::done && taken == data.size();
  }

  // A download, or what is left of it; an upload goes on in receive_job().
  bool send_job() {
    if (job_.kind == job::upload && job_.bytes > 0) return receive_job();
    while (job_.bytes > 0) {
      std::size_t taken = 0;
      const auto state = tls_.write({payload().data(), job_.next()}, taken);
      if (state == progress::failed) return false;
      job_.bytes -= taken;
      if (state == progress::blocked || !tls_.flush()) return wait_for(EPOLLOUT);
    }
    return true;
  }

  bool receive_job() {
    while (job_.bytes > 0) {
      std::size_t size = 0;
      const auto state = tls_.read(payload().first(job_.next()), size);
      if (state == progress::blocked) return wait_for(EPOLLIN);
      if (state != progress::done) return false;
      job_.bytes -= size;
    }
    return send({payload().data(), 1});
  }

  poller& events_;
  connection tls_;
  bool is_established_ = false;
  std::uint32_t waits_for_ = EPOLLIN;
  job job_;
  // Shared by all: a message is echoed before the next connection is looked at.
  static inline std::array<char, message_size> shared_message;
};

class server {
 public:
  explicit server(const server_settings& given)
      : tls_(make_server_config(given)),
        listener_(check_system(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    check_system(::bind(listener_.get(), address, size), "bind");
    check_system(::listen(listener_.get(), 4096), "listen");
    check_system(::getsockname(listener_.get(), address, &size), "getsockname");
    events_.add(listener_.get(), EPOLLIN, nullptr);
    report_port(ntohs(at.sin_port));
  }

  [[noreturn]] void run() {
    for (;;) {
      for (const auto& event : events_.wait()) {
        auto* const one = static_cast<session*>(event.data.ptr);
        if (!one) {
          accept_all();
        } else if (!one->advance()) {
          one->end();
          free_.push_back(one);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (int i = 0; i < 64; ++i) {
      descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() < 0) return;
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (free_.empty()) free_.push_back(sessions_.emplace_back(std::make_unique<session>(events_, out_)).get());
      auto* const one = free_.back();
      free_.pop_back();
      one->begin(std::move(socket), *tls_.config);
    }
  }

  engine_config tls_;
  outbox out_;
  poller events_;
  descriptor listener_;
  std::vector<std::unique_ptr<session>> sessions_;
  std::vector<session*> free_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) try {
  bench::server(bench::server_settings(argc, argv)).run();
} catch (const std::exception& error) {
  std::cerr << "coal: " << error.what() << '\n';
  return 1;
}
