// SPDX-License-Identifier: Apache-2.0
// A TLS server behind somebody who cuts the line.
#pragma once

#include "lab/case.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>

namespace sluice::tool::lab {

// Serves the client through a relay that lets that many bytes of the server's pass, and then ends.
boost::asio::awaitable<void> relay_and_cut(tcp::socket client, context tls, std::size_t bytes);

}  // namespace sluice::tool::lab
