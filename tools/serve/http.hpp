// SPDX-License-Identifier: Apache-2.0
// `serve --mode http`: every request is answered with what the server saw of the client.
#pragma once

#include "net/serving.hpp"

namespace sluice::tool {

// One request after another, until the client has had enough, is stopped, or sends what is not HTTP.
boost::asio::awaitable<void> answer_http(served_client& client);

}  // namespace sluice::tool
