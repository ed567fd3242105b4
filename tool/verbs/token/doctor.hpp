// SPDX-License-Identifier: Apache-2.0
// An examination of a token and a key: what holds, what does not, and what TLS can be spoken with it.
#pragma once

#include "arguments/token_place.hpp"
#include "sluice/certificate.hpp"
#include "sluice/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct finding {
  std::string name;              // "key_match": for machines, stays as it is
  std::string detail;            // for people, when it holds
  std::optional<failure> error;  // when it does not
  bool is_good() const noexcept { return !error; }
};

struct scheme_trial {
  signature_scheme scheme{};
  std::optional<failure> error;  // nothing: it signs, and the signature verifies
};

struct version_verdict {
  tls_version version{};
  std::vector<signature_scheme> schemes;  // those of the version that work
};

struct diagnosis {
  std::vector<finding> findings;
  std::vector<scheme_trial> trials;
  std::vector<version_verdict> versions;

  bool is_good() const;
  int exit_code() const;  // of the first finding that does not hold
};

// Stops where what comes next could not be asked. Signs a few times; never spends a PIN's last try.
diagnosis examine(const token_place& place, const std::string& certificate_file);

}  // namespace sluice::tool
