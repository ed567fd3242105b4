// SPDX-License-Identifier: Apache-2.0
// Completes failures: with the phase, which make_failure() does not know, and with the usual remedy.
#pragma once

#include "sluice/error.hpp"

#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

// Returns `why` with the phase `at`, whichever it had before: code that calls this knows which operation is under way.
// All else stays as it is.
inline failure in_phase(phase at, failure error) {
  error.at = at;
  return error;
}

// Returns `why` with the usual remedy of its cause, unless it has a remedy already. For failures that leave the
// library: code that can explain a failure better does so before.
failure with_usual_remedy(failure error);

// Returns a failure of the private key named `key`, while a signature was requested from it.
inline failure signing_failure(errc cause, std::string_view key, std::string_view detail,
                               std::string_view remedy = {}) {
  return in_phase(phase::signing, make_failure(cause, key, detail, remedy));
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
