// SPDX-License-Identifier: Apache-2.0
// stdin to the peer and the peer to stdout, until both have ended.
#pragma once

#include "client/any_stream.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

namespace sluice::tool {

// What ended it early: a cut, an alert, a full disk. Nothing when both sides said goodbye, or when whoever read our
// stdout had enough. The end of stdin is a half-close in TLS 1.3; TLS 1.2 has none, and a goodbye would make the peer
// throw away what it still has to say (RFC 5246 §7.2.1), so there it waits until both sides were quiet for `timeout`.
// Where the peer has ended its side and still listens, `on_half_close` is called once. `first` goes ahead of stdin. It
// and `s` outlive it.
boost::asio::awaitable<std::optional<failure>> pump(any_stream& s, std::chrono::milliseconds timeout,
                                                     std::string_view first = {},
                                                     std::function<void()> on_half_close = {});

}  // namespace sluice::tool
