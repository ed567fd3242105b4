// SPDX-License-Identifier: Apache-2.0
// Many threads, and every state in which a stream or an acceptor may be cancelled, closed or destroyed. What this is
// for is ThreadSanitizer; without it, it shows that everything ends.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::test {
namespace {

// A stream that a program holds, with operations outstanding, until a moment that nobody chose.
struct held {
  explicit held(tcp_stream s) : stream(std::move(s)), end(stream.get_executor()) {}
  tcp_stream stream;
  asio::steady_timer end;
  asio::cancellation_signal stop;
  std::array<char, 64> into{};
  const std::string text = std::string(100000, 't');
};

struct round {
  asio::thread_pool pool{3};
  const context& server_ctx;
  const context& client_ctx;
  const context& stranger;
  const int number;
  std::atomic<int> completed = 0;

  std::chrono::microseconds after(int what) const {
    return std::chrono::microseconds((number * 131 + what * 977) % 5000);
  }

  // On the stream's strand: begins something, and after a while cancels it, or destroys the stream.
  void use(tcp_stream s, int what) {
    auto h = std::make_shared<held>(std::move(s));
    const auto noted = [this, h](const error_code&, std::size_t = 0) { ++completed; };
    h->stream.async_read_some(asio::buffer(h->into), asio::bind_cancellation_slot(h->stop.slot(), noted));
    if (what % 3 == 0) h->stream.async_write_some(asio::buffer(h->text), noted);
    if (what % 3 == 1) h->stream.async_shutdown(noted);
    h->end.expires_after(after(what));
    h->end.async_wait([h, what](const error_code&) {
      if (what % 2 == 0) h->stop.emit(asio::cancellation_type::total);
      tcp_stream gone(std::move(h->stream));
    });
  }

  void accept(acceptor& in) {
    for (int i = 0; i < 4; ++i) {
      in.async_accept([this, i](const error_code& ec, tcp_stream s) {
        ++completed;
        if (ec || i == 3) return;  // destroyed on whatever thread this is
        const auto home = s.get_executor();
        asio::post(home, [this, i, s = std::make_shared<tcp_stream>(std::move(s))] { use(std::move(*s), i + number); });
      });
    }
  }

  void connect(const std::string& port, int i) {
    const auto home = asio::make_strand(pool.get_executor());
    asio::post(home, [this, home, port, i] {
      const auto stop = std::make_shared<asio::cancellation_signal>();
      const auto alarm = std::make_shared<asio::steady_timer>(home, after(i));
      alarm->async_wait([stop, alarm, i](const error_code& ec) {
        if (!ec && i % 2 == 0) stop->emit(asio::cancellation_type::terminal);
      });
      const auto done = [this, i, stop, alarm](const error_code& ec, tcp_stream s) {
        ++completed;
        if (!ec && i % 3 != 0) use(std::move(s), i);
      };
      const auto& ctx = i == 5 ? stranger : client_ctx;
      // On the strand itself; or on the pool, with the handler and the signal on the strand.
      const asio::any_io_executor on = i % 2 == 0 ? asio::any_io_executor(home) : pool.get_executor();
      if (i % 3 == 0) {
        async_connect(on, ctx, "127.0.0.1", port, {.timeout = 20s},
                      asio::bind_cancellation_slot(stop->slot(), asio::bind_executor(home, done)));
      } else {
        async_connect(asio::any_io_executor(home), ctx, "127.0.0.1", port, {.timeout = 20s},
                      asio::bind_cancellation_slot(stop->slot(), done));
      }
    });
  }

  // A stream of one's own, destroyed in the middle of its handshake.
  void interrupt(const tcp::endpoint& at) {
    const asio::any_io_executor home = asio::make_strand(pool.get_executor());
    asio::post(home, [this, home, at] {
      tcp::socket socket(home);
      error_code ec;
      socket.connect(at, ec);
      if (ec) return;
      auto h = std::make_shared<held>(tcp_stream(std::move(socket), client_ctx, "127.0.0.1"));
      h->stream.async_handshake([this, h](const error_code&) { ++completed; });
      h->end.expires_after(after(7));
      h->end.async_wait([h](const error_code&) { tcp_stream gone(std::move(h->stream)); });
    });
  }

  void run() {
    auto in = std::make_unique<acceptor>(pool.get_executor(), loopback(), server_ctx);
    const auto at = in->local_endpoint();
    accept(*in);
    for (int i = 0; i < 6; ++i) connect(std::to_string(at.port()), i);
    interrupt(at);
    std::vector<tcp::socket> silent;
    error_code ignored;
    for (int i = 0; i < 2; ++i) silent.emplace_back(pool.get_executor()).connect(at, ignored);
    asio::steady_timer moment(pool.get_executor(), after(number));
    moment.wait();
    if (number % 2 == 0) in->close();
    in.reset();
    silent.clear();
    pool.join();
    EXPECT_GE(completed, 4 + 6) << "an operation never completed";
  }
};

TEST(threads, accept_connect_close_cancel_and_destroy_in_every_state) {
  const auto server = server_context({.identities = {site_identity()}});
  const auto client = client_context();
  const auto stranger = client_context({.trust = trust::from_pem(site("rsa2048").certificate).value()});
  for (int i = 0; i < 200 && !::testing::Test::HasFailure(); ++i) {
    round one{.server_ctx = server, .client_ctx = client, .stranger = stranger, .number = i};
    one.run();
  }
}

// A stream that borrows, on a pool without a strand, with one operation at a time as the header allows: it fails, and
// is destroyed while its failure lingers on another thread.
TEST(threads, destroy_a_borrowing_stream_that_lingers_elsewhere) {
  const auto stranger =
      client_context({.trust = trust::from_pem(site("rsa2048").certificate).value(), .blinding = blinding::off()});
  const auto server = server_context({.blinding = blinding::off()});
  for (int i = 0; i < 50; ++i) {
    asio::thread_pool pool(3);
    auto raw = join_sockets(pool.get_executor());
    auto socket = std::make_unique<tcp::socket>(std::move(raw.client));
    auto mine = std::make_unique<stream<tcp::socket&>>(*socket, stranger, "localhost");
    tcp_stream peer(std::move(raw.server), server, role::server);
    peer.async_handshake([](const error_code&) {});
    mine->async_handshake([&](const error_code& ec) {
      EXPECT_EQ(ec, errc::untrusted) << ec.message();
      mine.reset();
      socket.reset();
    });
    pool.join();
    EXPECT_EQ(socket, nullptr);
  }
}

}  // namespace
}  // namespace sluice::test
