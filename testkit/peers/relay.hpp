// SPDX-License-Identifier: Apache-2.0
// A server behind a relay.
#pragma once

#include "testkit/peers/case.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <string>

namespace sluice::testkit::peers {

// Says `first` to the server there, and is the client's line to it from then on.
boost::asio::awaitable<void> relay_to(tcp::socket client, tcp::endpoint server, std::string first);

// Serves the client through a relay that lets that many bytes of the server's pass, and then ends.
boost::asio::awaitable<void> relay_and_cut(tcp::socket client, context tls, std::size_t bytes);

}  // namespace sluice::testkit::peers
