// SPDX-License-Identifier: Apache-2.0
// How a server's bytes reach a client: at once, or as `--fail` has it.
#pragma once

#include "server/serving.hpp"

namespace sluice::tool {

// False when the client is gone, or has been failed.
boost::asio::awaitable<bool> send(served_client& client, std::string_view text);

// Ends it as `--fail after=…` asks. Nothing more may be sent.
boost::asio::awaitable<void> strike(served_client& client);

// The same end for a connection that has no TLS yet.
boost::asio::awaitable<void> end_as_told(boost::asio::ip::tcp::socket& socket, ending how,
                                         const std::function<bool()>& is_asked_to_stop);

}  // namespace sluice::tool
