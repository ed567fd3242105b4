// SPDX-License-Identifier: Apache-2.0
// The process's exit code for each way of failing: part of the command line's contract.
#pragma once

#include "sluice/error.hpp"

namespace sluice::tool {

enum exit_code : int {
  exit_ok = 0,
  exit_usage = 1,
  exit_resolve = 2,
  exit_connect = 3,
  exit_handshake = 4,
  exit_certificate = 5,
  exit_name = 6,
  exit_validity = 7,
  exit_revocation = 8,
  exit_requirement = 9,
  exit_key = 10,
  exit_timeout = 11,
  exit_internal = 70,
  exit_interrupted = 130,
};

exit_code exit_code_of(errc cause) noexcept;
// As above, but a token's answer is 10 whatever it stands for, and a reset before TCP is up is 3.
exit_code exit_code_of(const failure& error) noexcept;

}  // namespace sluice::tool
