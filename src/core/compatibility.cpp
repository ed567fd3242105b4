// SPDX-License-Identifier: Apache-2.0
#include "sluice/compatibility.hpp"

#include "core/base/ascii_case.hpp"
#include "core/base/error_tables.hpp"

#include <algorithm>
#include <array>

namespace sluice {
inline namespace v0 {
namespace {

using enum tls_version;

struct version_row {
  std::string_view name;
  tls_version min;
  std::string_view policy;
  std::string_view without_pss;
};
// For the versions up to 1.0 aws-c-io gives keys elsewhere policies with PSS, which its tokens cannot sign; "Legacy"
// are the same ones without.
constexpr std::array versions = {
    version_row{"AWS_IO_SSLv3", ssl3, "AWS-CRT-SDK-SSLv3.0-2023", "CloudFront-SSL-v-3-Legacy"},
    version_row{"AWS_IO_TLSv1", tls1_0, "AWS-CRT-SDK-TLSv1.0-2023", "CloudFront-TLS-1-0-2014-Legacy"},
    version_row{"AWS_IO_TLSv1_1", tls1_1, "AWS-CRT-SDK-TLSv1.1-2023", "ELBSecurityPolicy-TLS-1-1-2017-01"},
    version_row{"AWS_IO_TLSv1_2", tls1_2, "AWS-CRT-SDK-TLSv1.2-2025-PQ", "ELBSecurityPolicy-TLS-1-2-Ext-2018-06"},
    version_row{"AWS_IO_TLSv1_3", tls1_3, "AWS-CRT-SDK-TLSv1.3-2025-PQ", {}},
    version_row{"AWS_IO_TLS_VER_SYS_DEFAULTS", tls1_0, "AWS-CRT-SDK-TLSv1.0-2025-PQ",
                "ELBSecurityPolicy-TLS-1-1-2017-01"},
};

struct preference_row {
  std::string_view name;
  std::string_view policy;  // empty: withdrawn
};
constexpr std::array preferences = {
    preference_row{"AWS_IO_TLS_CIPHER_PREF_KMS_PQ_TLSv1_0_2019_06", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_KMS_PQ_SIKE_TLSv1_0_2019_11", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_KMS_PQ_TLSv1_0_2020_02", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_KMS_PQ_SIKE_TLSv1_0_2020_02", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_KMS_PQ_TLSv1_0_2020_07", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_PQ_TLSv1_0_2021_05", {}},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_PQ_TLSV1_2_2024_10", "AWS-CRT-SDK-TLSv1.2-2023-PQ"},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT", "AWS-CRT-SDK-TLSv1.2-2025-PQ"},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_TLSV1_2_2025_07", "AWS-CRT-SDK-TLSv1.2-2025"},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_TLSV1_0_2023_06", "AWS-CRT-SDK-TLSv1.0-2023"},
    preference_row{"AWS_IO_TLS_CIPHER_PREF_NON_PQ_DEFAULT", "AWS-CRT-SDK-TLSv1.0-2023"},
};
constexpr std::string_view system_default = "AWS_IO_TLS_CIPHER_PREF_SYSTEM_DEFAULT";

template <class Rows>
auto* row_of(const Rows& rows, std::string_view name) {
  const auto found =
      std::ranges::find_if(rows, [name](const auto& row) { return internal::equal_ignoring_case(row.name, name); });
  return found == rows.end() ? nullptr : &*found;
}

failure unknown(std::string_view name, const std::string& detail, const std::string& remedy) {
  return make_failure(errc::unknown_policy, name, detail, remedy);
}

failure needs_pss(std::string_view name, const std::string& remedy) {
  return make_failure(errc::policy_conflict, name, "it has RSA keys sign with PSS, which the key does not do", remedy);
}

result<policy_choice> choice_of(std::string_view policy, tls_version min) {
  auto chosen = choose_policy(policy, {.min = min, .max = {}});
  if (!chosen) return chosen.error();
  return policy_choice{.policy = std::move(chosen->name), .versions = {.min = min, .max = {}}};
}

}  // namespace

result<policy_choice> aws_policy(std::string_view minimum_version, std::string_view preference, rsa_signing signing) {
  const auto asked = minimum_version.empty() ? std::string_view("AWS_IO_TLSv1_2") : minimum_version;
  const auto* version = row_of(versions, asked);
  if (version == nullptr) {
    return unknown(asked, "it is not a version of aws-c-io", "write AWS_IO_TLSv1_2 or AWS_IO_TLSv1_3, for example");
  }
  const bool has_preference = !preference.empty() && !internal::equal_ignoring_case(preference, system_default);
  const auto* preferred = has_preference ? row_of(preferences, preference) : nullptr;
  if (has_preference && preferred == nullptr) {
    return unknown(preference, "it is not a cipher preference of aws-c-io",
                   "write AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT, for example");
  }
  if (preferred != nullptr && preferred->policy.empty()) {
    return unknown(preference, "aws-c-io has withdrawn this preference", "use AWS_IO_TLS_CIPHER_PREF_PQ_DEFAULT");
  }
  if (signing == rsa_signing::pkcs1_only) {
    if (preferred != nullptr) return needs_pss(preference, "leave the preference out, or use an EC key");
    if (version->without_pss.empty()) return needs_pss(asked, "use AWS_IO_TLSv1_2, or an EC key");
    return choice_of(version->without_pss, version->min);
  }
  return choice_of(preferred != nullptr ? preferred->policy : version->policy, version->min);
}

std::vector<aws_policy_name> aws_policy_names() {
  std::vector<aws_policy_name> names;
  names.reserve(versions.size());
  for (const auto& row : versions) names.push_back({row.name, row.policy, row.without_pss});
  for (const auto& row : preferences) {
    if (!row.policy.empty()) names.push_back({row.name, row.policy, {}});
  }
  return names;
}

}  // namespace v0
}  // namespace sluice
