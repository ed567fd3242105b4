// SPDX-License-Identifier: Apache-2.0
// A stream that borrows its socket goes first, and its socket at once behind it, as members of one object do: nothing
// touches the socket afterwards (AddressSanitizer sees to that; the layer below counts what it can).
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "sluice/asio/stream_impl.hpp"

#include <memory>
#include <optional>
#include <thread>

namespace sluice::test {
namespace {

// A socket in memory of its own that notes who calls it when its stream has gone.
class watched_socket {
 public:
  using lowest_layer_type = tcp::socket::lowest_layer_type;
  using executor_type = tcp::socket::executor_type;
  explicit watched_socket(tcp::socket socket) : socket_(std::move(socket)) {}

  executor_type get_executor() { return note().get_executor(); }
  lowest_layer_type& lowest_layer() { return note().lowest_layer(); }
  const lowest_layer_type& lowest_layer() const { return socket_.lowest_layer(); }
  int native_handle() { return note().native_handle(); }
  bool native_non_blocking() { return note().native_non_blocking(); }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return note().async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return note().async_write_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {
    return note().read_some(buffers, ec);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    return note().write_some(buffers, ec);
  }

  bool is_alone = false;
  int touched = 0;

 private:
  tcp::socket& note() {
    touched += is_alone ? 1 : 0;
    return socket_;
  }
  tcp::socket socket_;
};

enum class moment { idle, handshake, read, write, shutdown, failed, failed_and_waiting, read_and_shutdown };

struct borrowed : ::testing::TestWithParam<moment> {
  asio::io_context io;
  std::unique_ptr<watched_socket> socket;
  std::optional<stream<watched_socket&>> mine;
  std::optional<tcp_stream> peer;
  outcome first, second, shaken;
  char byte = 0;
  const std::string much = std::string(8 << 20, 'm');

  void begin() {
    auto raw = join_sockets(io.get_executor());
    socket = std::make_unique<watched_socket>(watched_socket(std::move(raw.client)));
    const bool fails = GetParam() == moment::failed || GetParam() == moment::failed_and_waiting;
    const auto ctx =
        fails ? client_context({.trust = trust::from_pem(site("rsa2048").certificate).value()}) : client_context();
    mine.emplace(*socket, ctx, "localhost");
    peer.emplace(std::move(raw.server), server_context(), role::server);
    mine->async_handshake(first.handler());
    if (GetParam() == moment::handshake) return;
    peer->async_handshake(shaken.handler());
    first.wait(io);
    if (fails) return;
    shaken.wait(io);
    first = shaken = {};
    const auto at = GetParam();
    if (at == moment::read || at == moment::read_and_shutdown) {
      mine->async_read_some(asio::buffer(&byte, 1), first.handler());
    }
    if (at == moment::write) mine->async_write_some(asio::buffer(much), first.handler());
    if (at == moment::shutdown) mine->async_shutdown(first.handler());
    if (at == moment::read_and_shutdown) mine->async_shutdown(second.handler());
  }
};

TEST_P(borrowed, socket_is_left_alone_once_its_stream_has_gone) {
  for (const bool has_waited : {false, true}) {
    begin();
    if (has_waited || GetParam() == moment::failed_and_waiting) run_ready(io);
    mine.reset();
    socket->is_alone = true;
    run_ready(io);
    EXPECT_EQ(socket->touched, 0);
    socket.reset();
    peer.reset();
    run(io);
    first = second = shaken = {};
  }
}

TEST_P(borrowed, socket_may_be_freed_at_once) {
  for (const bool has_waited : {false, true}) {
    begin();
    if (has_waited) run_ready(io);
    mine.reset();
    socket.reset();
    run_ready(io);
    peer.reset();
    run(io);
    first = second = shaken = {};
  }
}

INSTANTIATE_TEST_SUITE_P(in, borrowed,
                         ::testing::Values(moment::idle, moment::handshake, moment::read, moment::write,
                                           moment::shutdown, moment::failed, moment::failed_and_waiting,
                                           moment::read_and_shutdown));

// Members of one object, freed by a handler of the stream's or by whatever else runs.
TEST(borrowed_stream, and_its_socket_may_be_freed_by_a_handler) {
  struct session {
    session(tcp::socket s, const context& ctx) : socket(std::move(s)), tls(socket, ctx, "localhost") {}
    tcp::socket socket;
    stream<tcp::socket&> tls;
    char byte = 0;
  };
  asio::io_context io;
  for (const bool is_cut : {false, true}) {
    auto raw = join_sockets(io.get_executor());
    auto s = std::make_unique<session>(std::move(raw.client), client_context());
    tcp_stream peer(std::move(raw.server), server_context(), role::server);
    shake_hands(io, s->tls, peer);
    bool has_completed = false;
    s->tls.async_read_some(asio::buffer(&s->byte, 1), [&](const error_code& ec, std::size_t) {
      has_completed = true;
      EXPECT_EQ(ec, is_cut ? make_error_condition(errc::truncated)
                           : error_code(asio::error::operation_aborted).default_error_condition());
      s.reset();
    });
    if (is_cut) {
      peer.lowest_layer().close();
    } else {
      asio::post(io, [&] { s.reset(); });
    }
    run(io);
    EXPECT_TRUE(has_completed);
  }
}

}  // namespace
}  // namespace sluice::test
