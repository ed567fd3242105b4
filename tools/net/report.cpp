// SPDX-License-Identifier: Apache-2.0
#include "net/report.hpp"

namespace sluice::tool {

std::string_view connection_report::ocsp() const noexcept {
  if (info) return info->ocsp_stapled ? "good" : "none";
  switch (why ? cause_of(why->code) : errc::internal) {
    case errc::revoked: return "revoked";
    case errc::revocation_unknown: return "unknown";
    case errc::ocsp_invalid: return "invalid";
    default: return "none";
  }
}

}  // namespace sluice::tool
