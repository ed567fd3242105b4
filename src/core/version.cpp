// SPDX-License-Identifier: Apache-2.0
#include "sluice/version.hpp"

#include "sluice/policy.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace {

// The newest dated policy that says the same as "default".
std::string default_policy_date() {
  const auto wanted = find_policy("default");
  std::string newest;
  for (const auto& name : policy_names()) {
    const bool is_dated =
        name.size() == 8 && std::ranges::all_of(name, [](unsigned char c) { return c >= '0' && c <= '9'; });
    if (!is_dated || name < newest) continue;
    const auto candidate = find_policy(name);
    if (wanted && candidate && candidate->fingerprint == wanted->fingerprint) newest = name;
  }
  return newest;
}

}  // namespace

version_info version() {
  return {.major = SLUICE_VERSION_MAJOR,
          .minor = SLUICE_VERSION_MINOR,
          .patch = SLUICE_VERSION_PATCH,
          .text = SLUICE_VERSION_STRING,
          .s2n = SLUICE_S2N_VERSION,
          .aws_lc = OpenSSL_version(OPENSSL_VERSION),
          .default_policy = default_policy_date()};
}

}  // namespace v0
}  // namespace sluice
