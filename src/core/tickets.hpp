// SPDX-License-Identifier: Apache-2.0
// Switching resumption on, for either side.
#pragma once

#include "core/context_state.hpp"
#include "sluice/session.hpp"

namespace sluice::inline v0::internal {

// For a session whose server does not say how long it is good. One it finds too old costs a full handshake, no more.
inline constexpr auto unknown_lifetime = std::chrono::hours(1);

result<void> enable_tickets(s2n_config* config, const ticket_options& options,
                            std::chrono::system_clock::time_point now);
result<void> keep_tickets(s2n_config* config, context::state& state);

}  // namespace sluice::inline v0::internal
