// SPDX-License-Identifier: Apache-2.0
#include "server/server.hpp"

#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

// While draining: a connection that has been quiet for this long is sent close_notify, and closed if its client does
// not end it.
constexpr auto quiet = std::chrono::milliseconds(500);
constexpr auto stuck = std::chrono::seconds(3);

// What the server cannot do without ends with it, and io.run() throws.
void rethrow(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

failure cannot_listen(const asio::ip::tcp::endpoint& at, const boost::system::system_error& e) {
  const bool is_taken = e.code() == boost::system::errc::address_in_use;
  return make_failure(is_taken ? errc::in_use : errc::invalid_argument, to_text(at),
                      is_taken ? "another program listens there" : e.code().message(),
                      is_taken ? "choose another port, or 0 for any free one"
                               : "choose an address of this machine and a port you may use");
}

}  // namespace

server::server(asio::io_context& io, const context& tls, server_settings settings, server_events events)
    : io_(io),
      tls_(tls),
      settings_(std::move(settings)),
      events_(std::move(events)),
      room_(io, asio::steady_timer::time_point::max()) {
  acceptor_options options;
  options.handshake_timeout = settings_.timeout;
  options.per_core = true;
  if (settings_.silent.timeout) options.silent_timeout = *settings_.silent.timeout;
  options.max_silent = settings_.silent.most.value_or(options.max_silent);
  options.max_silent_per_address = settings_.silent.max_per_address;
  options.max_handshakes = std::min(settings_.max_clients, options.max_handshakes);
  options.on_failure = [this](const failure& reason, const asio::ip::tcp::endpoint& peer) {
    if (peer.port() == 0) return events_.on_trouble(reason);
    count({.peer = peer, .error = &reason});
  };
  try {
    if (settings_.fail) {
      unruly_.emplace(io_, settings_.listen);
    } else {
      acceptor_ = std::make_unique<acceptor>(io, settings_.listen, tls, std::move(options));
    }
  } catch (const boost::system::system_error& e) {
    throw error(cannot_listen(settings_.listen, e));
  }
}

asio::ip::tcp::endpoint server::address() const {
  return unruly_ ? unruly_->local_endpoint() : acceptor_->local_endpoint();
}

void server::start() {
  is_accepting_ = true;
  asio::co_spawn(io_, unruly_ ? accept_unruly() : accept_all(), [this](std::exception_ptr thrown) {
    // Nobody would be accepted any more: that ends the process, with a reason.
    if (thrown) std::rethrow_exception(thrown);
    is_accepting_ = false;
    end_if_done();
  });
  if (settings_.mode != serve_mode::http) return;
  asio::co_spawn(io_, end_long_waits(), [](std::exception_ptr thrown) { rethrow(thrown); });
}

asio::awaitable<void> server::accept_all() {
  while (!is_closing_) {
    if (clients_.size() >= settings_.max_clients) {
      co_await room_.async_wait(testkit::use_tuple);
      continue;
    }
    auto outcome = co_await acceptor_->async_accept(testkit::use_tuple);
    const auto ec = std::get<0>(outcome);
    if (!ec) {
      serve(std::move(std::get<1>(outcome)));
    } else if (!is_closing_) {
      events_.on_trouble(std::get<1>(outcome).last_failure());
      stop_accepting();
    }
  }
}

void server::serve(tcp_stream s, const misbehaviour* how_to_fail) {
  const auto place = clients_.insert(clients_.end(), std::make_unique<served_client>(std::move(s), how_to_fail));
  auto& client = **place;
  error_code ec;
  const auto peer = client.s.lowest_layer().remote_endpoint(ec);
  count({.peer = ec ? std::nullopt : std::optional(peer), .client = &client});
  // Posted: the coroutine that calls this still has the client's cancellation slot in hand.
  const auto gone = [this, place](std::exception_ptr) {
    asio::post(io_, [this, place] {
      clients_.erase(place);
      room_.cancel();
      end_if_done();
    });
  };
  asio::co_spawn(io_, serve_client(client, settings_.mode, settings_.timeout),
                 asio::bind_cancellation_slot(client.stop.slot(), gone));
}

void server::count(const handshake_result& one) {
  if (finished_ >= settings_.exit_after) return;  // a late one, while closing
  ++finished_;
  if (one.error) ++failed_;
  events_.on_handshake(one);
  if (finished_ == settings_.exit_after) stop_accepting();
}

void server::stop_accepting() {
  if (is_closing_) return;
  is_closing_ = true;
  events_.on_draining();
  if (acceptor_) acceptor_->close();
  if (unruly_) unruly_->close();
  room_.cancel();
}

void server::drain() {
  if (is_draining_) return;
  is_draining_ = true;
  stop_accepting();
  asio::co_spawn(io_, see_off_clients(), [](std::exception_ptr thrown) { rethrow(thrown); });
}

asio::awaitable<void> server::see_off_clients() {
  using clock_type = std::chrono::steady_clock;
  const auto deadline = clock_type::now() + settings_.timeout;
  asio::steady_timer tick(io_);
  while (!clients_.empty() && clock_type::now() < deadline) {
    for (const auto& client : clients_) {
      const auto idle = clock_type::now() - client->last_active;
      if (idle > stuck) client->stop.emit(asio::cancellation_type::terminal);
      if (idle > quiet && !std::exchange(client->is_asked_to_stop, true))
        client->stop.emit(asio::cancellation_type::total);
    }
    tick.expires_after(std::chrono::milliseconds(20));
    co_await tick.async_wait(testkit::use_tuple);
  }
  io_.stop();
}

// Clients of HTTP that keep us waiting, for a request or for the rest of one.
asio::awaitable<void> server::end_long_waits() {
  using std::chrono::milliseconds;
  const auto look_again = std::clamp(settings_.timeout / 8, milliseconds(1), milliseconds(250));
  asio::steady_timer tick(io_);
  for (;;) {
    tick.expires_after(look_again);
    co_await tick.async_wait(testkit::use_tuple);
    const auto now = std::chrono::steady_clock::now();
    for (const auto& client : clients_) {
      if (!client->wait_ends || *client->wait_ends > now) continue;
      client->wait_ends.reset();
      client->is_late = true;
      client->is_asked_to_stop = true;
      client->stop.emit(asio::cancellation_type::total);
    }
  }
}

void server::end_if_done() {
  if (is_closing_ && !is_accepting_ && clients_.empty()) io_.stop();
}

}  // namespace sluice::tool
