// SPDX-License-Identifier: Apache-2.0
// stdin to the peer and the peer to stdout, until both have ended.
#pragma once

#include "sluice/asio/stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace sluice::tool {

// What ended it early: a cut, an alert, a full disk. Nothing when both sides said goodbye, or when whoever read our
// stdout had enough. `s` outlives it.
boost::asio::awaitable<std::optional<failure>> pump(tcp_stream& s);

}  // namespace sluice::tool
