// SPDX-License-Identifier: Apache-2.0
// For tests that hold for client and server alike, in TLS 1.2 and 1.3.
#pragma once

#include "support/flavour.hpp"

#include <string>
#include <tuple>

namespace sluice::test {

using side_and_flavour = std::tuple<role, flavour>;

inline auto both_sides() {
  return ::testing::Combine(::testing::Values(role::client, role::server), ::testing::Values(tls12, tls13));
}

inline std::string side_name(const ::testing::TestParamInfo<side_and_flavour>& info) {
  const auto& [side, f] = info.param;
  return (side == role::client ? "client_" : "server_") + name_of(f);
}

}  // namespace sluice::test
