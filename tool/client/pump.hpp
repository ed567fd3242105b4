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

// The failure that ended it early: a truncation, an alert, a full disk. Nothing when both sides sent close_notify, or
// when the reader of our stdout closed it. The end of stdin is a half-close in TLS 1.3; TLS 1.2 has none, and a
// close_notify would make the peer discard its pending writes (RFC 5246 §7.2.1): there it waits until both sides were
// idle for `timeout`. Where the peer has ended its side and still reads, `on_half_close` is called once. `first` goes
// before stdin. It and `s` outlive it.
boost::asio::awaitable<std::optional<failure>> pump(any_stream& s, std::chrono::milliseconds timeout,
                                                    std::string_view first = {},
                                                    std::function<void()> on_half_close = {});

}  // namespace sluice::tool
