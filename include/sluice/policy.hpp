// SPDX-License-Identifier: Apache-2.0
// s2n's security policies: named sets of the versions, cipher suites, groups and signatures that a context may use.
#pragma once

#include "sluice/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// The version numbers of the protocol (RFC 8446 §4.2.1), so that they compare by age.
enum class tls_version : std::uint16_t {
  ssl3 = 0x0300,
  tls1_0 = 0x0301,
  tls1_1 = 0x0302,
  tls1_2 = 0x0303,
  tls1_3 = 0x0304
};
std::string_view to_string(tls_version version) noexcept;                     // "TLSv1.3"
std::optional<tls_version> tls_version_from(std::string_view text) noexcept;  // "1.3", "TLSv1.3"

// The contents of a policy, read from the linked s2n, in order of preference.
struct policy {
  std::string name;                                 // as s2n spells it
  tls_version min{};                                // the lowest version that it allows
  tls_version max{};                                // the highest
  bool post_quantum = false;                        // offers an ML-KEM group
  bool deprecated = false;                          // s2n rejects it
  std::vector<std::string> suites;                  // by their IANA names: "TLS_AES_128_GCM_SHA256"
  std::vector<std::string> groups;                  // hybrid groups first, because s2n prefers them
  std::vector<std::string> signatures;              // for the handshake: "rsa_pss_rsae_sha256"
  std::vector<std::string> certificate_signatures;  // empty: no restriction beyond `signatures`
  std::string fingerprint;                          // s2n's complete description, for comparing two policies
};

// Returns the policy with that name; case does not matter. If the linked s2n has none, the error is
// errc::unknown_policy, with the most similar names.
result<policy> find_policy(std::string_view name);
// Returns the names that find_policy() accepts, in s2n's order.
std::vector<std::string> policy_names();
// Returns the names that the linked s2n knows and rejects.
std::vector<std::string> deprecated_policy_names();

// A range of versions; an end that is empty is that of the policy.
struct version_range {
  std::optional<tls_version> min;  // at least
  std::optional<tls_version> max;  // at most
};

// Selects a policy. s2n has no function that sets the versions. Without a name, the range therefore selects one of
// Sluice's presets; without a range either, the policy is "default". With a name, a `max` below that of the policy is
// errc::policy_conflict, which names policies that fit, and a higher `min` is enforced by the connection.
result<policy> choose_policy(std::string_view name, version_range versions);

// The presets that ranges select, for tests and for `sluice policy`.
struct policy_preset {
  tls_version min, max;   // the versions that it allows
  std::string_view name;  // of the s2n policy; a constant
};
// Returns all presets. A test compares them with the policies of the linked s2n.
std::vector<policy_preset> policy_presets();

}  // namespace v0
}  // namespace sluice
