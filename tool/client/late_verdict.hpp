// SPDX-License-Identifier: Apache-2.0
// In TLS 1.3 a server judges our certificate, or its absence, when our handshake is done: how its verdict is
// recognised.
#pragma once

#include "client/any_stream.hpp"
#include "client/report.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>

namespace sluice::tool {

// The server has requested a certificate, and its verdict is still to come. Known by the transcript alone.
bool is_judged_late(const connection_report& r);

// Reads until the server's first record, or its end, for at most a second. Clear when there was a record, and the
// connection goes on; asio::error::timed_out when there was none; otherwise how the connection ended.
boost::asio::awaitable<error_code> first_record_or_end(any_stream& s);

// The failure of a server that ended its direction without an alert and before the first byte. `before` is how many
// records had come with the handshake; nothing when there was more than its end, or no verdict was to come.
std::optional<failure> silent_refusal(const connection_report& r, const connection_statistics& counted,
                                      std::uint64_t before);

}  // namespace sluice::tool
