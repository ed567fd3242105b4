// SPDX-License-Identifier: Apache-2.0
// A server of TLS 1.3 judges a client certificate, or its absence, when our handshake is done: what shows its verdict.
#pragma once

#include "client/any_stream.hpp"
#include "client/report.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace sluice::tool {

// It has asked for one, and its verdict is still to come.
bool is_judged_late(const connection_report& r);

// Reads until the server's first record, or its end, for at most a second. Clear when there was one, and it goes on;
// asio::error::timed_out when there was none; else how it ended.
boost::asio::awaitable<error_code> first_word(any_stream& s);

// Of a server that ended its direction without an alert and before the first byte. `before` is how many records had
// come with the handshake; nothing when there was more than its end, or the verdict was not to come.
std::optional<failure> unsaid_refusal(const connection_report& r, const connection_statistics& counted,
                                      std::uint64_t before);

}  // namespace sluice::tool
