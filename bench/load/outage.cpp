// SPDX-License-Identifier: Apache-2.0
#include "load/outage.hpp"

#include "load/press.hpp"
#include "testkit/load/loop_thread.hpp"

#include "sluice/asio/connect.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <iomanip>
#include <sstream>
#include <vector>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t full_clients = 16, resuming_clients = 2, established_clients = 8;

// One try to get through: when it began and ended, and how.
struct attempt {
  clock_type::time_point began, ended;
  bool is_good = false, is_resumed = false;
};

asio::awaitable<bool> one_echo(sluice::tcp_stream& s) {
  std::array<char, 1> text{'x'};
  auto [ec, n] = co_await asio::async_write(s, asio::buffer(text), use_tuple);
  if (ec) co_return false;
  auto [failed, read] = co_await asio::async_read(s, asio::buffer(text), use_tuple);
  co_return !failed;
}

class watcher {
 public:
  watcher(asio::io_context& io, const std::string& port, const std::string& ca, double seconds)
      : io_(io),
        port_(port),
        full_(make_client(ca)),
        resuming_(make_client(ca, sluice::make_session_store(4, 64))),
        until_(clock_type::now() +
               std::chrono::duration_cast<clock_type::duration>(std::chrono::duration<double>(seconds))) {}

  asio::awaitable<void> watch() {
    std::size_t running = 0;
    const auto start = [&](asio::awaitable<void> work) {
      ++running;
      asio::co_spawn(io_, std::move(work), [&running](std::exception_ptr) { --running; });
    };
    for (std::size_t i = 0; i < established_clients; ++i) start(stay());
    for (std::size_t i = 0; i < full_clients; ++i) start(again(full_, 0ms, handshakes_));
    for (std::size_t i = 0; i < resuming_clients; ++i) start(again(resuming_, 100ms, resumptions_));
    asio::steady_timer tick(io_);
    while (running > 0) {
      tick.expires_after(50ms);
      co_await tick.async_wait(use_tuple);
    }
  }

  std::string told() const {
    std::ostringstream out;
    out << std::fixed << std::setprecision(4) << "{\"established\":" << established_ << ",\"lost\":" << lost_
        << ",\"worst_echo_ms\":" << std::chrono::duration<double, std::milli>(worst_echo_).count();
    list(out, "handshakes", handshakes_);
    list(out, "resumptions", resumptions_);
    out << "}";
    return out.str();
  }

 private:
  static void list(std::ostringstream& out, const char* name, const std::vector<attempt>& all) {
    const auto seconds = [](clock_type::time_point t) {
      return std::chrono::duration<double>(t.time_since_epoch()).count();
    };
    out << ",\"" << name << "\":[";
    for (std::size_t i = 0; i < all.size(); ++i) {
      out << (i ? "," : "") << "[" << seconds(all[i].began) << "," << seconds(all[i].ended) << "," << all[i].is_good
          << "," << all[i].is_resumed << "]";
    }
    out << "]";
  }

  asio::awaitable<void> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(io_, time);
    co_await timer.async_wait(use_tuple);
  }

  // A whole connection again and again; the echo brings the ticket for the next.
  asio::awaitable<void> again(const sluice::context& tls, std::chrono::milliseconds rest, std::vector<attempt>& all) {
    while (clock_type::now() < until_) {
      attempt one{.began = clock_type::now(), .ended = {}};
      const sluice::connect_options options{.timeout = 12s, .server_name = "localhost"};
      auto outcome = co_await sluice::async_connect(tls, "127.0.0.1", port_, options, use_tuple);
      if (!std::get<0>(outcome)) {
        one.is_good = co_await one_echo(std::get<1>(outcome));
        one.is_resumed = std::get<1>(outcome).info().resumed;
      }
      one.ended = clock_type::now();
      all.push_back(one);
      const auto breath = one.is_good ? rest : std::max(rest, std::chrono::milliseconds(20));
      if (breath > 0ms) co_await pause(breath);
    }
  }

  // Connected before the outage, and echoing all along.
  asio::awaitable<void> stay() {
    const sluice::connect_options options{.timeout = 12s, .server_name = "localhost"};
    auto outcome = co_await sluice::async_connect(full_, "127.0.0.1", port_, options, use_tuple);
    if (std::get<0>(outcome)) co_return;
    ++established_;
    while (clock_type::now() < until_) {
      const auto began = clock_type::now();
      const bool is_good = co_await one_echo(std::get<1>(outcome));
      worst_echo_ = std::max(worst_echo_, clock_type::now() - began);
      if (!is_good) {
        ++lost_;
        co_return;
      }
      co_await pause(20ms);
    }
  }

  asio::io_context& io_;
  const std::string port_;
  const sluice::context full_, resuming_;
  const clock_type::time_point until_;
  std::vector<attempt> handshakes_, resumptions_;
  std::size_t established_ = 0, lost_ = 0;
  clock_type::duration worst_echo_{};
};

}  // namespace

std::string watch_outage(const std::string& port, const std::string& ca, double seconds) {
  sluice::testkit::loop_thread loop;
  watcher w(loop.io(), port, ca, seconds);
  asio::co_spawn(loop.io(), w.watch(), asio::use_future).get();
  loop.stop();
  return w.told();
}

}  // namespace bench
