// SPDX-License-Identifier: Apache-2.0
// Chains that no TLS library would serve.
#pragma once

#include "testkit/peers/case.hpp"

#include <string>
#include <vector>

namespace sluice::testkit::peers {

// Begins a handshake of TLS 1.2, sends these certificates, and waits until the client has had enough.
peer raw_chain(const std::vector<std::string>& ders);

}  // namespace sluice::testkit::peers
