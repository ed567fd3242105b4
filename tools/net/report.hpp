// SPDX-License-Identifier: Apache-2.0
// All there is to say about one attempt to connect, whether it went well or not.
#pragma once

#include "cli/values.hpp"

#include "sluice/asio/connect.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct connection_report {
  target to;
  std::string server_name;  // the name the certificate had to be for
  std::string policy;       // empty while there is no context
  bool is_verified = true;  // false with --insecure
  std::optional<boost::asio::ip::tcp::endpoint> address;
  std::optional<connection_info> info;  // once the handshake was done
  std::vector<certificate> chain;       // leaf first, as verified; empty when it is not known
  handshake_timings timings;
  std::chrono::nanoseconds total{};
  std::optional<failure> why;

  bool is_good() const noexcept { return !why; }
  // "good", "none", "revoked", "unknown" or "invalid": what came of the stapled OCSP response.
  std::string_view ocsp() const noexcept;
};

}  // namespace sluice::tool
