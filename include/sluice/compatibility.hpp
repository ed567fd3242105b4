// SPDX-License-Identifier: Apache-2.0
// The names by which programs on aws-c-io choose versions and ciphers, for those who bring their settings along.
#pragma once

#include "sluice/policy.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0 {

// For `policy` and `versions` of client_options and server_options.
struct policy_choice {
  std::string policy;
  version_range versions;
};

// Whether our RSA keys sign with PSS, as TLS 1.3 wants it. Keys in memory do, and so do most tokens.
enum class rsa_signing { pss, pkcs1_only };

// What aws-c-io makes of a minimum_tls_version ("AWS_IO_TLSv1_2") and a cipher preference
// ("AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT"; empty or …_SYSTEM_DEFAULT leaves it to the version). Case does not matter.
// Unlike there, a preference never lowers the minimum: the version asked for is enforced, and without one it is
// TLS 1.2; AWS_IO_TLS_VER_SYS_DEFAULTS means TLS 1.0, as there. And a key elsewhere is offered the same policies as a
// key in memory. With rsa_signing::pkcs1_only the policies are those without PSS, up to TLS 1.2, and what cannot be had
// without it is errc::policy_conflict. errc::unknown_policy: no such name, or one that is withdrawn there as well.
result<policy_choice> aws_policy(std::string_view minimum_version, std::string_view preference = {},
                                 rsa_signing signing = rsa_signing::pss);

// All the names, and their policies in the linked s2n.
struct aws_policy_name {
  std::string_view name;
  std::string_view policy;
  std::string_view policy_without_pss;  // empty: there is none
};
std::vector<aws_policy_name> aws_policy_names();

}  // namespace sluice::inline v0
