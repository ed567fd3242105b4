// SPDX-License-Identifier: Apache-2.0
#include "core/engine_versions.hpp"

#include <s2n.h>

namespace sluice {
inline namespace v0 {
namespace internal {

int s2n_version(tls_version version) noexcept {
  switch (version) {
    case tls_version::ssl3: return S2N_SSLv3;
    case tls_version::tls1_0: return S2N_TLS10;
    case tls_version::tls1_1: return S2N_TLS11;
    case tls_version::tls1_2: return S2N_TLS12;
    case tls_version::tls1_3: return S2N_TLS13;
  }
  return S2N_TLS13;
}

std::string version_text(int version) {
  for (const auto known :
       {tls_version::ssl3, tls_version::tls1_0, tls_version::tls1_1, tls_version::tls1_2, tls_version::tls1_3}) {
    if (s2n_version(known) == version) return std::string(to_string(known));
  }
  return "unknown";
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
