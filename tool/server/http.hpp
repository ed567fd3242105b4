// SPDX-License-Identifier: Apache-2.0
// `serve --mode http`: every request is answered with what the server saw of the client.
#pragma once

#include "server/serving.hpp"

namespace sluice::tool {

// One request after another, until the client has had enough, is stopped, sends what is not HTTP, or keeps us waiting:
// `timeout` is for a request to begin, and once more for the rest of it.
boost::asio::awaitable<void> answer_http(served_client& client, std::chrono::milliseconds timeout);

}  // namespace sluice::tool
