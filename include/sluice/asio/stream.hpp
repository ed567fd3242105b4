// SPDX-License-Identifier: Apache-2.0
// stream<NextLayer>: a TLS stream for Asio, over a socket or over any other stream.
#pragma once

#include "sluice/asio/detail/driver.hpp"
#include "sluice/asio/detail/erase.hpp"
#include "sluice/asio/stream_options.hpp"
#include "sluice/context.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace sluice {
inline namespace v0 {

namespace detail {

template <class T>
concept mutable_buffers = net::is_mutable_buffer_sequence<T>::value;
template <class T>
concept const_buffers = net::is_const_buffer_sequence<T>::value;

template <class Buffers>
std::span<std::byte> first_nonempty(const Buffers& buffers) {
  const auto end = net::buffer_sequence_end(buffers);
  for (auto at = net::buffer_sequence_begin(buffers); at != end; ++at) {
    const net::mutable_buffer one(*at);
    if (one.size() > 0) return {static_cast<std::byte*>(one.data()), one.size()};
  }
  return {};
}

// In the initiating function, so that the operations on all types of buffers are one.
template <class Buffers>
gathered_buffers gather(const Buffers& buffers) {
  gathered_buffers gathered;
  const auto end = net::buffer_sequence_end(buffers);
  for (auto at = net::buffer_sequence_begin(buffers); at != end && !gathered.is_full(); ++at) {
    const net::const_buffer one(*at);
    gathered.add(one.data(), one.size());
  }
  return gathered;
}

template <class Buffers>
std::vector<std::byte> copy_bytes(const Buffers& buffers) {
  std::vector<std::byte> bytes(net::buffer_size(buffers));
  net::buffer_copy(net::buffer(bytes), buffers);
  return bytes;
}

// async_connect and the acceptor make streams from drivers of their own by it.
struct stream_access {
  template <class Stream>
  static Stream make(driver_pointer d) {
    return Stream(std::move(d));
  }
};

// The lowest layer is the NextLayer's own lowest_layer(), or its socket(), which boost::beast::tcp_stream has; else it
// is the NextLayer.
template <class T>
concept names_lowest_layer = requires(T& t) {
  typename T::lowest_layer_type;
  t.lowest_layer();
};
template <class T>
concept has_socket = requires(T& t) {
  typename T::socket_type;
  { t.socket() } -> std::same_as<typename T::socket_type&>;
};
template <class T>
auto& lowest_layer_of(T& next) noexcept {
  if constexpr (names_lowest_layer<std::remove_const_t<T>>) {
    return next.lowest_layer();
  } else if constexpr (has_socket<std::remove_const_t<T>>) {
    return next.socket();
  } else {
    return next;
  }
}

template <class T>
using lowest_layer_t = std::remove_reference_t<decltype(lowest_layer_of(std::declval<T&>()))>;

// True for the layers that are compiled into the library; the others need stream_impl.hpp (has_layer).
template <class NextLayer>
inline constexpr bool is_compiled_layer = false;
template <>
inline constexpr bool is_compiled_layer<net::ip::tcp::socket> = true;
template <>
inline constexpr bool is_compiled_layer<net::local::stream_protocol::socket> = true;
template <class NextLayer>
class layer_over;
template <class NextLayer>
concept has_layer = is_compiled_layer<std::remove_reference_t<NextLayer>> || requires {
  sizeof(layer_over<NextLayer>);
};

// The value that an empty stream reports.
template <class T>
const T& nothing() noexcept {
  static const T none{};
  return none;
}
const failure& empty_failure() noexcept;

// The initiation that async_initiate calls, at once or later. It has the stream's executor, as Asio's initiations do.
template <class Executor>
struct initiation {
  using executor_type = Executor;
  stream_driver* d;
  Executor ex;
  executor_type get_executor() const noexcept { return ex; }

  template <class Handler>
  void operator()(Handler&& h, std::vector<std::byte> already_read) const {
    d->start_handshake(std::move(already_read), erase_without_size(std::forward<Handler>(h), ex));
  }
  template <class Handler>
  void operator()(Handler&& h, std::span<std::byte> into) const {
    d->start_read(into, erase_handler<error_code, std::size_t>(std::forward<Handler>(h), ex));
  }
  template <class Handler>
  void operator()(Handler&& h, const gathered_buffers& from) const {
    d->start_write(from, erase_handler<error_code, std::size_t>(std::forward<Handler>(h), ex));
  }
  template <class Handler>
  void operator()(Handler&& h, bool waits_for_peer) const {
    d->start_shutdown(waits_for_peer, erase_without_size(std::forward<Handler>(h), ex));
  }
};

}  // namespace detail

// A TLS stream. It meets Asio's requirements AsyncReadStream, AsyncWriteStream, SyncReadStream and SyncWriteStream, and
// Beast's AsyncStream and SyncStream. It never transfers plaintext: a read or write before the handshake is done fails
// with errc::not_ready and has no effect.
//
// NextLayer is a stream socket, a reference to one (`stream<tcp::socket&>` borrows it), or another asynchronous and
// synchronous stream, such as a `stream` or boost::beast::tcp_stream. For anything but TCP sockets, Unix sockets and
// references to them, sluice/asio/stream_impl.hpp must be included too.
//
// Threads: distinct objects are safe, a shared object is unsafe: use one strand for each stream. At most one read and
// one write may be outstanding; beside a handshake or a shutdown, no other operation may. A call that breaks this rule,
// or that overlaps a call from another thread, fails with errc::in_use, and no data are lost. Intermediate steps run on
// get_executor(). The completion handler runs on its associated executor, never inside the initiating function; its
// associated allocator and cancellation slot are used.
//
// Errors: `asio::error::eof` is the peer's close_notify, errc::truncated an end without one, `operation_aborted` a
// cancellation; every other error compares equal to an errc, and last_failure() explains it. A failed handshake or a
// protocol error closes a stream that owns its NextLayer. Its socket stays open in the background until the blinding
// delay has passed and the alert has been sent (RFC 8446 §6), for at most 256 sockets of an execution context. The
// delay does not count as work for io_context::run(), which may return earlier; such sockets are closed with their
// context. After a synchronous call, a thread of the library sends the alert and closes the socket. A stream that
// borrows its NextLayer leaves all this to the owner.
//
// Destroying a stream cancels its operations (operation_aborted) in any state; a borrowed NextLayer is not used after
// that. A stream may be moved while no operation is outstanding. A stream that was default-constructed or moved from is
// empty: its calls fail with errc::not_ready (without an error_code parameter, and in async_ functions, by throwing
// system_error), get_executor() returns an empty executor, and next_layer() and lowest_layer() must not be called.
template <class NextLayer>
class stream {
 public:
  using next_layer_type = std::remove_reference_t<NextLayer>;         // without the reference of a borrowed one
  using lowest_layer_type = detail::lowest_layer_t<next_layer_type>;  // the socket, under any number of layers
  using executor_type = typename next_layer_type::executor_type;      // the NextLayer's
  using default_token = detail::default_token<executor_type>;         // the executor's, or else net::deferred_t

  // For adapters of executors such as `use_awaitable_t<>::as_default_on`; the result needs stream_impl.hpp.
  template <class Other>
  struct rebind_executor {
    using other = stream<typename next_layer_type::template rebind_executor<Other>::other>;  // over the rebound layer
  };

  // An empty stream, for types that construct a value before they have one (std::future, Asio's channels).
  stream() noexcept = default;

  // A client of the server with this name or IP address (see connection::connection); the handshake reports a name that
  // is invalid. Sessions are stored by that name, without a port (see stream_options::port).
  template <class Arg>
  stream(Arg&& next, const context& ctx, std::string_view server_name)
      : stream(std::forward<Arg>(next), ctx, role::client, {.server_name = std::string(server_name)}) {}

  // A server; a client with options; or a client that sends no name, if its context does not verify.
  template <class Arg>
  stream(Arg&& next, const context& ctx, role side, stream_options options = {})
      : driver_(make(std::forward<Arg>(next), ctx, side, std::move(options))) {}

  stream(stream&&) noexcept = default;
  // The stream that is assigned to is destroyed first, as by its destructor.
  stream& operator=(stream&& other) noexcept {
    stream incoming(std::move(other));
    std::swap(driver_, incoming.driver_);
    return *this;
  }
  ~stream() {
    if (driver_) driver_->stop();
  }

  executor_type get_executor() const noexcept {  // the NextLayer's executor, on which intermediate steps run
    if constexpr (std::is_default_constructible_v<executor_type>) {
      if (!driver_) return executor_type();
    }
    return next_of(*driver_).get_executor();
  }
  // The layer below, which the stream reads and writes: other reads and writes of it break the TLS connection.
  next_layer_type& next_layer() noexcept { return next_of(*driver_); }
  const next_layer_type& next_layer() const noexcept { return next_of(*driver_); }
  // The socket at the bottom, for its options, its addresses and close().
  lowest_layer_type& lowest_layer() noexcept { return detail::lowest_layer_of(next_layer()); }
  const lowest_layer_type& lowest_layer() const noexcept { return detail::lowest_layer_of(next_layer()); }

  // Returns the NextLayer; later operations fail with errc::not_ready. `read_ahead` gets the bytes behind the peer's
  // close_notify that were read from it already (a shutdown over a socket reads none); they precede what it has left.
  NextLayer release(std::vector<std::byte>& read_ahead) {
    if (driver_) read_ahead = driver_->read_ahead();
    return release();
  }
  NextLayer release() {
    throw_if_empty();
    return static_cast<NextLayer&&>(detail::next_layer_of<NextLayer>(driver_->release()));
  }
  // Sets the time-outs of later handshakes (default 10 s) and shutdowns (5 s): errc::timed_out. 0 times out at once.
  void set_timeouts(std::chrono::nanoseconds handshake, std::chrono::nanoseconds shutdown) {
    if (driver_) driver_->set_timeouts(handshake, shutdown);
  }

  const connection_info& info() const noexcept {  // as of connection; until the stream is destroyed or assigned
    return driver_ ? driver_->tls().info() : detail::nothing<connection_info>();
  }
  const handshake_timings& timings() const noexcept {  // resolve and connect: of async_connect only
    return driver_ ? driver_->timings() : detail::nothing<handshake_timings>();
  }
  connection_statistics statistics() const noexcept {  // a copy of the counts so far, as of connection
    return driver_ ? driver_->statistics() : connection_statistics();
  }
  const failure& last_failure() const noexcept {  // explains the last error; without a code if there was none
    return driver_ ? driver_->last_failure() : detail::empty_failure();
  }
  std::vector<certificate> verified_chain() const {  // leaf first, anchor last; empty as of connection
    return driver_ ? driver_->tls().verified_chain() : std::vector<certificate>();
  }
  // As of connection: the peer's certificates after a failed handshake, and the messages of the handshake.
  std::vector<certificate> unverified_certificates() const {
    return driver_ ? driver_->tls().unverified_certificates() : std::vector<certificate>();
  }
  const handshake_transcript& transcript() const noexcept {  // empty without record_transcript
    return driver_ ? driver_->tls().transcript() : detail::nothing<handshake_transcript>();
  }
  std::optional<identity> selected_identity() const {  // the one that was presented to the peer; empty as of connection
    return driver_ ? driver_->tls().selected_identity() : std::nullopt;
  }
  bool is_established() const noexcept { return driver_ && driver_->tls().is_established(); }  // as of connection

  // void(error_code). Cancellation: terminal; after it, the stream can only be closed.
  template <class Token = default_token>
  requires(!detail::const_buffers<std::remove_cvref_t<Token>>) auto async_handshake(Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code)>(start(), token, std::vector<std::byte>());
  }
  // The same, where the peer's first bytes of TLS have been read already (STARTTLS). They are copied.
  template <detail::const_buffers Buffers, class Token = default_token>
  auto async_handshake(const Buffers& already_read, Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code)>(start(), token, detail::copy_bytes(already_read));
  }

  // void(error_code, size_t). Fills the first buffer that is not empty. Cancellation: terminal, partial and total; the
  // stream can be used after each of them.
  template <detail::mutable_buffers Buffers, class Token = default_token>
  auto async_read_some(const Buffers& buffers, Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code, std::size_t)>(start(), token, detail::first_nonempty(buffers));
  }

  // void(error_code, size_t). Writes at most 128 KiB of at most 16 buffers, in as few records and socket writes as
  // possible, and completes when the layer below has taken the ciphertext. Cancellation: terminal and partial;
  // operation_aborted comes with the number of bytes that were encrypted. Those will be sent before anything later, and
  // the next write may have different data.
  template <detail::const_buffers Buffers, class Token = default_token>
  auto async_write_some(const Buffers& buffers, Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code, std::size_t)>(start(), token, detail::gather(buffers));
  }

  // Requests a key update before the next write's data (see connection::request_key_update). It returns at once, and
  // must not be called while a write is outstanding on another thread.
  error_code request_key_update() { return driver_ ? driver_->request_key_update() : empty(); }

  // void(error_code). Sends close_notify and waits for the peer's until the shutdown times out; data that the peer
  // still sends are discarded. Cancellation: terminal.
  template <class Token = default_token>
  auto async_shutdown(Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code)>(start(), token, true);
  }
  // void(error_code). Half-close: sends close_notify and leaves reading open (RFC 8446 §6.1). A TLS 1.2 peer may answer
  // by closing the connection. Cancellation: terminal.
  template <class Token = default_token>
  auto async_shutdown_write(Token&& token = Token()) {
    return net::async_initiate<Token, void(error_code)>(start(), token, false);
  }

  // The synchronous forms. They fail with errc::in_use while an asynchronous operation of the same kind is outstanding.
  void handshake(error_code& ec) {
    if (is_there(ec)) driver_->handshake(ec);
  }
  void handshake() {
    error_code ec;
    handshake(ec);
    throw_if(ec);
  }
  template <detail::mutable_buffers Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& ec) {  // as async_read_some()
    return is_there(ec) ? driver_->read_some(detail::first_nonempty(buffers), ec) : 0;
  }
  template <detail::mutable_buffers Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code ec;
    const auto n = read_some(buffers, ec);
    throw_if(ec);
    return n;
  }
  template <detail::const_buffers Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {  // as async_write_some()
    return is_there(ec) ? driver_->write_some(detail::gather(buffers), ec) : 0;
  }
  template <detail::const_buffers Buffers>
  std::size_t write_some(const Buffers& buffers) {
    error_code ec;
    const auto n = write_some(buffers, ec);
    throw_if(ec);
    return n;
  }
  void shutdown(error_code& ec) {  // as async_shutdown(), within the shutdown time-out
    if (is_there(ec)) driver_->shutdown(true, ec);
  }
  void shutdown() {
    error_code ec;
    shutdown(ec);
    throw_if(ec);
  }
  void shutdown_write(error_code& ec) {  // as async_shutdown_write()
    if (is_there(ec)) driver_->shutdown(false, ec);
  }
  void shutdown_write() {
    error_code ec;
    shutdown_write(ec);
    throw_if(ec);
  }

 private:
  friend struct detail::stream_access;
  explicit stream(detail::driver_pointer made) noexcept : driver_(std::move(made)) {}

  template <class Arg>
  static detail::driver_pointer make(Arg&& next, const context& ctx, role side, stream_options options) {
    static_assert(detail::has_layer<NextLayer>,
                  "a stream over anything but a plain TCP or Unix socket needs sluice/asio/stream_impl.hpp as well; "
                  "a socket with an executor or default token of its own (as_default_on) is such a layer");
    return detail::make_driver(detail::make_layer<NextLayer>(std::forward<Arg>(next)), ctx, side, std::move(options));
  }
  static next_layer_type& next_of(detail::stream_driver& d) noexcept {
    return detail::next_layer_of<NextLayer>(d.below());
  }
  detail::initiation<executor_type> start() {
    throw_if_empty();
    return {driver_.get(), get_executor()};
  }
  static error_code empty() { return detail::empty_failure().code; }
  bool is_there(error_code& ec) const {
    if (!driver_) ec = empty();
    return driver_ != nullptr;
  }
  void throw_if_empty() const {
    if (!driver_) throw_if(empty());
  }
  void throw_if(const error_code& ec) const {
    if (ec) throw boost::system::system_error(ec, last_failure().where);
  }

  detail::driver_pointer driver_;
};

using tcp_stream = stream<net::ip::tcp::socket>;                  // what async_connect and the acceptor return
using unix_stream = stream<net::local::stream_protocol::socket>;  // over a Unix domain socket

namespace detail {

// Declares, or with an empty keyword defines, what a stream over this type of socket needs of the library.
// NOLINTBEGIN(bugprone-macro-parentheses): template arguments
#define SLUICE_COMPILED_LAYER(keyword, socket)                           \
  keyword template std::unique_ptr<layer> make_layer<socket>(socket &&); \
  keyword template std::unique_ptr<layer> make_layer<socket&>(socket&);  \
  keyword template socket& next_layer_of<socket>(layer&) noexcept;       \
  keyword template socket& next_layer_of<socket&>(layer&) noexcept;
// NOLINTEND(bugprone-macro-parentheses)
SLUICE_COMPILED_LAYER(extern, net::ip::tcp::socket)
SLUICE_COMPILED_LAYER(extern, net::local::stream_protocol::socket)
}  // namespace detail
}  // namespace v0
}  // namespace sluice
