// SPDX-License-Identifier: Apache-2.0
// The end of a connection whose handshake was all that was wanted.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>

namespace sluice::testkit {

// Says goodbye and reads on until the peer has too, at most that long. In TLS 1.3 a client is done before the server
// has judged the client's certificate, and before it gives tickets: an alert or tickets may still come, in answer to
// our goodbye at the latest, or from a server that is gone already. The alert is what it answers; anything else that
// goes wrong while parting is no failure. `s` outlives it.
boost::asio::awaitable<std::optional<failure>> exchange_close_notify(tcp_stream& s, std::chrono::nanoseconds timeout);

}  // namespace sluice::testkit
