// SPDX-License-Identifier: Apache-2.0
// What a stream is, as far as the compiler can tell: Asio's stream requirements, checked with archetypes.
#include "support/certs.hpp"
#include "support/loop.hpp"

#include "sluice/asio/stream_impl.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <concepts>

namespace sluice::test {
namespace {

// The least that the requirements allow: handlers that only move, buffer sequences that only iterate.
struct byte_handler {
  byte_handler(byte_handler&&) = default;
  void operator()(error_code, std::size_t) {}
};
struct plain_handler {
  plain_handler(plain_handler&&) = default;
  void operator()(error_code) {}
};
template <class Buffer>
struct buffers {
  using value_type = Buffer;
  using const_iterator = const Buffer*;
  const_iterator begin() const { return nullptr; }
  const_iterator end() const { return nullptr; }
};
using room = buffers<asio::mutable_buffer>;
using bytes = buffers<asio::const_buffer>;

template <class S>
concept has_executor = requires(const S& s) {
  { s.get_executor() }
  noexcept->std::same_as<typename S::executor_type>;
};
template <class S>
concept async_read_stream = has_executor<S> && requires(S& s, room b) {
  s.async_read_some(b, std::declval<byte_handler>());
};
template <class S>
concept async_write_stream = has_executor<S> && requires(S& s, bytes b) {
  s.async_write_some(b, std::declval<byte_handler>());
};
template <class S>
concept sync_read_stream = requires(S& s, room b, error_code& ec) {
  { s.read_some(b) } -> std::same_as<std::size_t>;
  { s.read_some(b, ec) } -> std::same_as<std::size_t>;
};
template <class S>
concept sync_write_stream = requires(S& s, bytes b, error_code& ec) {
  { s.write_some(b) } -> std::same_as<std::size_t>;
  { s.write_some(b, ec) } -> std::same_as<std::size_t>;
};
template <class S>
concept layered = requires(S& s, const S& c) {
  { s.next_layer() }
  noexcept->std::same_as<typename S::next_layer_type&>;
  { c.next_layer() }
  noexcept->std::same_as<const typename S::next_layer_type&>;
  { s.lowest_layer() }
  noexcept->std::same_as<typename S::lowest_layer_type&>;
  { c.lowest_layer() }
  noexcept->std::same_as<const typename S::lowest_layer_type&>;
};
template <class S>
concept tls_verbs = requires(S& s, bytes b, error_code& ec) {
  s.async_handshake(std::declval<plain_handler>());
  s.async_handshake(b, std::declval<plain_handler>());
  s.async_shutdown(std::declval<plain_handler>());
  s.async_shutdown_write(std::declval<plain_handler>());
  s.handshake(ec);
  s.shutdown(ec);
  s.shutdown_write(ec);
};
template <class S>
concept whole_stream = async_read_stream<S> && async_write_stream<S> && sync_read_stream<S> && sync_write_stream<S> &&
    layered<S> && tls_verbs<S>;

static_assert(whole_stream<tcp_stream>);
static_assert(whole_stream<unix_stream>);
static_assert(whole_stream<stream<tcp::socket&>>);
static_assert(whole_stream<stream<tcp_stream>>);
static_assert(whole_stream<stream<tcp_stream&>>);

static_assert(std::same_as<stream<tcp_stream>::lowest_layer_type, tcp::socket::lowest_layer_type>);
static_assert(std::same_as<stream<tcp::socket&>::next_layer_type, tcp::socket>);
static_assert(std::same_as<tcp_stream::executor_type, asio::any_io_executor>);

// One executor for another, all the way down.
using on_io = asio::io_context::executor_type;
static_assert(std::same_as<tcp_stream::rebind_executor<on_io>::other, stream<asio::basic_stream_socket<tcp, on_io>>>);
static_assert(std::same_as<stream<tcp_stream>::rebind_executor<on_io>::other,
                           stream<stream<asio::basic_stream_socket<tcp, on_io>>>>);

// Movable, not copyable; what a co_await expression takes by value must be trivially copyable (g++ 12).
static_assert(std::is_nothrow_move_constructible_v<tcp_stream> && std::is_nothrow_move_assignable_v<tcp_stream>);
static_assert(!std::is_copy_constructible_v<tcp_stream>);
static_assert(std::is_move_constructible_v<acceptor> && !std::is_copy_constructible_v<acceptor>);
static_assert(std::is_trivially_copyable_v<connect_options>);

// A token is never mistaken for bytes that were read already, nor bytes for a token.
static_assert(!detail::const_buffers<asio::use_awaitable_t<>> && !detail::const_buffers<plain_handler>);
static_assert(detail::const_buffers<asio::const_buffer> && detail::const_buffers<std::vector<asio::const_buffer>>);

TEST(concepts, are_more_than_declared_for_an_executor_of_ones_own) {
  asio::io_context io;
  using socket = asio::basic_stream_socket<tcp, on_io>;
  auto raw = join_sockets(io.get_executor());
  const auto handle = raw.client.release();
  stream<socket> client(socket(io, tcp::v4(), handle), client_context(), "localhost");
  tcp_stream server(std::move(raw.server), server_context(), role::server);
  static_assert(std::same_as<decltype(client.get_executor()), on_io>);
  EXPECT_TRUE(client.get_executor() == io.get_executor());
  shake_hands(io, client, server);
  EXPECT_EQ(pass(io, client, server, "hello"), "hello");
  EXPECT_EQ(pass(io, server, client, "hello yourself"), "hello yourself");
}

}  // namespace
}  // namespace sluice::test
