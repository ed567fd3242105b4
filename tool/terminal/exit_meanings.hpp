// SPDX-License-Identifier: Apache-2.0
// What each exit code means, in words: for the manual and docs/cli.md.
#pragma once

#include "terminal/exit_code.hpp"

#include <array>
#include <string_view>

namespace sluice::tool {

struct exit_meaning {
  exit_code code;
  std::string_view words;
};

inline constexpr std::array exit_meanings = {
    exit_meaning{exit_ok, "all is well"},
    exit_meaning{exit_usage, "usage or configuration"},
    exit_meaning{exit_resolve, "the name was not resolved"},
    exit_meaning{exit_connect, "no TCP connection"},
    exit_meaning{exit_handshake, "the handshake failed: an alert, the protocol, hung up, cut off"},
    exit_meaning{exit_certificate, "certificate not trusted, malformed, or for another purpose"},
    exit_meaning{exit_name, "certificate for another name"},
    exit_meaning{exit_validity, "certificate expired or not yet valid"},
    exit_meaning{exit_revocation, "certificate revoked, or its revocation status bad"},
    exit_meaning{exit_requirement, "a requirement was not met (--require-…, --fail-under), or a verdict of the lab"},
    exit_meaning{exit_key, "token, PIN or key"},
    exit_meaning{exit_timeout, "timed out"},
    exit_meaning{exit_internal, "internal"},
    exit_meaning{exit_interrupted, "interrupted"},
};

}  // namespace sluice::tool
