// SPDX-License-Identifier: Apache-2.0
// Reads the linked s2n's own tables, so that nothing said about a policy can be out of date.
#include "sluice/policy.hpp"

#include "core/base/ascii_case.hpp"
#include "core/base/error_tables.hpp"
#include "sluice/library.hpp"

#include <s2n.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>

// Exported by libs2n but not in its headers: the table behind s2n_config_set_cipher_preferences and the writer of
// s2n's `policy` tool. Beside the alerts' files the only one that relies on such; a test notices if they change.
extern "C" {
struct s2n_security_policy;
struct s2n_security_policy_selection {
  const char* version;
  const s2n_security_policy* security_policy;
  unsigned ecc_extension_required : 1;
  unsigned pq_kem_extension_required : 1;
  unsigned supports_tls13 : 1;
};
extern s2n_security_policy_selection security_policy_selection[];
extern const char* deprecated_security_policies[];
extern const size_t deprecated_security_policies_len;
int s2n_security_policy_write_length(const s2n_security_policy*, int format, uint32_t* length);
int s2n_security_policy_write_bytes(const s2n_security_policy*, int format, uint8_t* buffer, uint32_t length,
                                    uint32_t* written);
}

namespace sluice {
inline namespace v0 {
namespace {

constexpr int text_format = 1;

struct version_name {
  tls_version version;
  const char* text;  // ours
  const char* s2n;   // in s2n's description
  const char* short_form;
};
constexpr std::array version_names = {
    version_name{tls_version::ssl3, "SSLv3", "SSLv3", "3.0"},
    version_name{tls_version::tls1_0, "TLSv1.0", "TLS1.0", "1.0"},
    version_name{tls_version::tls1_1, "TLSv1.1", "TLS1.1", "1.1"},
    version_name{tls_version::tls1_2, "TLSv1.2", "TLS1.2", "1.2"},
    version_name{tls_version::tls1_3, "TLSv1.3", "TLS1.3", "1.3"},
};

constexpr std::array presets = {
    policy_preset{tls_version::tls1_2, tls_version::tls1_3, "default"},
    policy_preset{tls_version::tls1_3, tls_version::tls1_3, "AWS-CRT-SDK-TLSv1.3-2025-PQ"},
    policy_preset{tls_version::tls1_2, tls_version::tls1_2, "20240501"},
    policy_preset{tls_version::tls1_1, tls_version::tls1_3, "CloudFront-TLS-1-1-2016"},
    policy_preset{tls_version::tls1_1, tls_version::tls1_2, "ELBSecurityPolicy-FS-1-1-2019-08"},
    policy_preset{tls_version::tls1_0, tls_version::tls1_3, "AWS-CRT-SDK-TLSv1.0-2025-PQ"},
    policy_preset{tls_version::tls1_0, tls_version::tls1_2, "ELBSecurityPolicy-FS-2018-06"},
};

// s2n's own test policies are in release builds too; nobody should be offered them.
bool is_for_tests(std::string_view name) { return name == "null" || name.starts_with("test_"); }

std::string description_of(const s2n_security_policy* p) {
  uint32_t size = 0;
  uint32_t written = 0;
  if (s2n_security_policy_write_length(p, text_format, &size) != S2N_SUCCESS) return {};
  std::string text(size, '\0');
  if (s2n_security_policy_write_bytes(p, text_format, reinterpret_cast<uint8_t*>(text.data()), size, &written) !=
      S2N_SUCCESS) {
    return {};
  }
  return text;
}

// The description is a list of headed lists: "cipher suites:" then "- NAME" lines; groups are one level deeper.
policy parse(std::string_view name, std::string text) {
  policy made;
  made.name = name;
  std::vector<std::string>* list = nullptr;
  std::vector<std::string> curves;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.starts_with("min version: ")) {
      const auto found = std::ranges::find(version_names, line.substr(13), &version_name::s2n);
      if (found != version_names.end()) made.min = found->version;
    } else if (line == "cipher suites:") {
      list = &made.suites;
    } else if (line == "signature schemes:") {
      list = &made.signatures;
    } else if (line == "curves:") {
      list = &curves;
    } else if (line == "certificate signature schemes:") {
      list = &made.certificate_signatures;
    } else if (line == "- kem groups:") {
      list = &made.groups;
    } else if (line.starts_with("-- ") && list != nullptr) {
      list->emplace_back(line.substr(3));
    } else if (line.starts_with("- TLS_") || (line.starts_with("- ") && list != nullptr && list != &made.suites)) {
      if (list != nullptr) list->emplace_back(line.substr(2));
    } else if (!line.starts_with('-')) {
      list = nullptr;
    }
  }
  made.post_quantum = !made.groups.empty();
  made.groups.insert(made.groups.end(), curves.begin(), curves.end());
  const auto is_tls13 = [](const std::string& suite) {
    return suite.starts_with("TLS_AES_") || suite.starts_with("TLS_CHACHA20_");
  };
  made.max = std::ranges::any_of(made.suites, is_tls13) ? tls_version::tls1_3 : tls_version::tls1_2;
  made.fingerprint = std::move(text);
  return made;
}

std::span<const char*> deprecated_names() { return {deprecated_security_policies, deprecated_security_policies_len}; }

bool is_deprecated(std::string_view name) {
  return std::ranges::any_of(deprecated_names(),
                             [name](const char* other) { return internal::equal_ignoring_case(other, name); });
}

// How many letters must be changed, added or left out to make one of the other (Levenshtein), whatever their case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const auto changed = diagonal + (internal::lower(a[i]) == internal::lower(b[j]) ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j + 1] + 1, row[j] + 1}));
    }
  }
  return row.back();
}

failure unknown(std::string_view name) {
  constexpr std::size_t most = 4, farthest = 3;
  std::vector<std::pair<std::size_t, std::string>> near;
  if (name.size() <= 64) {
    for (const auto& candidate : policy_names()) {
      const auto far = candidate.starts_with(name) && name.size() > 3 ? farthest : distance(name, candidate);
      if (far <= farthest) near.emplace_back(far, candidate);
    }
  }
  std::ranges::stable_sort(near, {}, &std::pair<std::size_t, std::string>::first);
  std::string list;
  for (std::size_t i = 0; i < std::min(most, near.size()); ++i) list += (i == 0 ? "" : ", ") + near[i].second;
  return make_failure(errc::unknown_policy, name, "",
                      list.empty() ? "`sluice policy list` shows all" : "did you mean " + list + "?");
}

// Policies that offer nothing outside the range, newest names last; what to suggest instead of a contradiction.
std::string fitting(tls_version min, tls_version max) {
  std::string names;
  for (const auto& preset : presets) {
    if (preset.min >= min && preset.max <= max) names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  return names.empty() ? "no policy of this s2n fits" : "fitting policies: " + names;
}

}  // namespace

std::string_view to_string(tls_version version) noexcept {
  const auto found = std::ranges::find(version_names, version, &version_name::version);
  return found != version_names.end() ? found->text : "unknown";
}

std::optional<tls_version> tls_version_from(std::string_view text) noexcept {
  for (const auto& row : version_names) {
    if (text == row.text || text == row.short_form || text == row.s2n) return row.version;
  }
  return std::nullopt;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const auto* row = security_policy_selection; row->version != nullptr; ++row) {
    if (!is_for_tests(row->version)) names.emplace_back(row->version);
  }
  return names;
}

std::vector<std::string> deprecated_policy_names() {
  const auto names = deprecated_names();
  return {names.begin(), names.end()};
}

std::vector<policy_preset> policy_presets() { return {presets.begin(), presets.end()}; }

result<policy> find_policy(std::string_view name) {
  if (auto started = tls_library::start(); !started) return started.error();
  if (is_deprecated(name)) {
    return make_failure(errc::unknown_policy, name, "s2n has deprecated this policy",
                        "use \"default\", or see `sluice policy list`");
  }
  for (const auto* row = security_policy_selection; row->version != nullptr; ++row) {
    if (internal::equal_ignoring_case(row->version, name) && !is_for_tests(row->version)) {
      return parse(row->version, description_of(row->security_policy));
    }
  }
  return unknown(name);
}

result<policy> choose_policy(std::string_view name, version_range versions) {
  const auto min = versions.min.value_or(std::min(tls_version::tls1_2, versions.max.value_or(tls_version::tls1_2)));
  const auto max = versions.max.value_or(tls_version::tls1_3);
  if (min > max) {
    return make_failure(errc::policy_conflict, "versions", "the least version is above the greatest");
  }
  if (name.empty()) {
    for (const auto& preset : presets) {
      if (preset.min == min && preset.max == max) return find_policy(preset.name);
    }
    return make_failure(
        errc::policy_conflict, "versions",
        "no policy offers exactly " + std::string(to_string(min)) + " to " + std::string(to_string(max)),
        fitting(min, max));
  }
  auto chosen = find_policy(name);
  if (!chosen) return chosen;
  if (versions.max && *versions.max < chosen->max) {
    return make_failure(errc::policy_conflict, chosen->name,
                        "it offers " + std::string(to_string(chosen->max)) + ", above the greatest version " +
                            std::string(to_string(*versions.max)),
                        fitting(versions.min.value_or(tls_version::ssl3), *versions.max));
  }
  if (versions.min && *versions.min > chosen->max) {
    return make_failure(errc::policy_conflict, chosen->name, "it offers at most " + std::string(to_string(chosen->max)),
                        fitting(*versions.min, max));
  }
  return chosen;
}

}  // namespace v0
}  // namespace sluice
