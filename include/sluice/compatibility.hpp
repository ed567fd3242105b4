// SPDX-License-Identifier: Apache-2.0
// The names by which programs that use aws-c-io select versions and ciphers, so that their settings can be kept.
#pragma once

#include "sluice/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// For `policy` and `versions` of client_options and server_options.
struct policy_choice {
  std::string policy;      // the name of an s2n policy
  version_range versions;  // its `min` may be above the lowest version of the policy
};

// Whether the program's RSA keys can sign with PSS, which TLS 1.3 requires. Keys in memory can, and most tokens can.
enum class rsa_signing { pss, pkcs1_only };

// Returns the policy and the versions that aws-c-io selects for a minimum_tls_version ("AWS_IO_TLSv1_2") and a cipher
// preference ("AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT"; if it is empty or …_SYSTEM_DEFAULT, the version decides). Case does
// not matter. Two things differ from aws-c-io. A preference never lowers the minimum version: the minimum that is given
// is enforced, and it is TLS 1.2 if none is given (AWS_IO_TLS_VER_SYS_DEFAULTS means TLS 1.0, as it does there). And
// keys outside the engine have the same policies as keys in memory. With rsa_signing::pkcs1_only, the policies are
// those without PSS, up to TLS 1.2; a selection that needs PSS is errc::policy_conflict. A name that does not exist, or
// that aws-c-io has withdrawn too, is errc::unknown_policy.
result<policy_choice> aws_policy(std::string_view minimum_version, std::string_view preference = {},
                                 rsa_signing signing = rsa_signing::pss);

// Returns all the names, with their policies in the linked s2n.
struct aws_policy_name {
  std::string_view name;                // of a minimum version, or of a cipher preference
  std::string_view policy;              // for keys that can sign with PSS
  std::string_view policy_without_pss;  // empty: there is none
};
// Returns the names of the minimum versions, then those of the preferences. The views refer to constants.
std::vector<aws_policy_name> aws_policy_names();

}  // namespace v0
}  // namespace sluice
