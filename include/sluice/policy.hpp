// SPDX-License-Identifier: Apache-2.0
// s2n security policies: the named sets of versions, cipher suites, groups and signatures that a context may use.
#pragma once

#include "sluice/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

enum class tls_version : std::uint16_t {
  ssl3 = 0x0300,
  tls1_0 = 0x0301,
  tls1_1 = 0x0302,
  tls1_2 = 0x0303,
  tls1_3 = 0x0304
};
std::string_view to_string(tls_version version) noexcept;                      // "TLSv1.3"
std::optional<tls_version> tls_version_from(std::string_view text) noexcept;  // "1.3", "TLSv1.3"

// What a policy offers, read from the linked s2n, in order of preference.
struct policy {
  std::string name;
  tls_version min{};
  tls_version max{};
  bool post_quantum = false;  // offers an ML-KEM group
  bool deprecated = false;    // s2n refuses it
  std::vector<std::string> suites;
  std::vector<std::string> groups;  // hybrid groups first: s2n prefers them
  std::vector<std::string> signatures;
  std::vector<std::string> certificate_signatures;  // empty: no restriction beyond `signatures`
  std::string fingerprint;                          // s2n's whole description, for comparing two policies
};

// errc::unknown_policy, with the nearest names, when the linked s2n has none of that name (case does not matter).
result<policy> find_policy(std::string_view name);
std::vector<std::string> policy_names();
// Those that the linked s2n knows by name alone, and refuses.
std::vector<std::string> deprecated_policy_names();

// The range of versions that is asked for; an empty end is left to the policy.
struct version_range {
  std::optional<tls_version> min;
  std::optional<tls_version> max;
};

// The policy for a wish. s2n has no version setters, so without a name a range picks one of Sluice's presets;
// with a name, `max` below what the policy offers is errc::policy_conflict, naming policies that fit, and a higher
// `min` is enforced by the connection. Empty name and empty range: "default".
result<policy> choose_policy(std::string_view name, version_range versions);

// The presets behind ranges, for tests and for `sluice policy`.
struct policy_preset {
  tls_version min, max;
  std::string_view name;
};
std::vector<policy_preset> policy_presets();

}  // namespace sluice::inline v0
