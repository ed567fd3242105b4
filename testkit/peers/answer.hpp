// SPDX-License-Identifier: Apache-2.0
// What the lab's servers send, over TLS and below it.
#pragma once

#include "testkit/peers/case.hpp"

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace sluice::testkit::peers {

// A TLS server for one connection: reads a request, or an end, answers with a page and sends close_notify.
boost::asio::awaitable<void> answer(tcp::socket socket, context tls);
// The same, after a look at the handshake's result: nothing is sent unless it is as it should be.
using judgement = std::function<bool(const tcp_stream&)>;
boost::asio::awaitable<void> answer_if(tcp_stream& s, judgement is_as_it_should_be);

extern const std::string page;  // an HTTP response

// Whatever comes first, mostly a ClientHello; empty when the client left.
boost::asio::awaitable<std::string> read_some(tcp::socket& socket);
boost::asio::awaitable<bool> write_all(tcp::socket& socket, std::string bytes);
boost::asio::awaitable<void> pause(std::chrono::milliseconds time);
// Reads, and throws away, until the client has gone.
boost::asio::awaitable<void> wait_for_end(tcp::socket& socket);

}  // namespace sluice::testkit::peers
