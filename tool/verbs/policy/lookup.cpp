// SPDX-License-Identifier: Apache-2.0
#include "verbs/policy/lookup.hpp"

#include "sluice/compatibility.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice::tool {
namespace {

bool begins_with(std::string_view text, std::string_view beginning) {
  return std::ranges::equal(text.substr(0, beginning.size()), beginning,
                            [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// "1.2" of "TLSv1.2".
std::string_view number_of(tls_version version) {
  auto text = to_string(version);
  text.remove_prefix(std::min(text.find('v') + 1, text.size()));
  return text;
}

std::string range_name(const policy_preset& preset) {
  if (preset.min == preset.max) return fmt::format("TLS {} alone", number_of(preset.min));
  return fmt::format("TLS {} to {}", number_of(preset.min), number_of(preset.max));
}

}  // namespace

policy look_up_policy(std::string_view name) {
  if (!begins_with(name, "AWS_IO_")) return find_policy(name).value();
  const bool is_preference = begins_with(name, "AWS_IO_TLS_CIPHER_PREF_");
  const auto choice = is_preference ? aws_policy({}, name) : aws_policy(name);
  return find_policy(choice.value().policy).value();
}

std::vector<policy> every_policy() {
  std::vector<policy> all;
  for (const auto& name : policy_names()) {
    if (auto one = find_policy(name)) all.push_back(std::move(*one));
  }
  // Not the one of std::ranges, whose answer Clang 14 cannot make.
  std::stable_partition(all.begin(), all.end(), [](const policy& one) { return one.name == "default"; });
  return all;
}

std::vector<std::string> uses_of(const policy& one) {
  std::vector<std::string> uses;
  for (const auto& preset : policy_presets()) {
    if (preset.name == one.name) uses.push_back(range_name(preset));
  }
  for (const auto& row : aws_policy_names()) {
    if (row.policy == one.name) uses.emplace_back(row.name);
  }
  return uses;
}

std::vector<std::string> aliases_of(const policy& one) {
  std::vector<std::string> names;
  for (const auto& other : every_policy()) {
    if (other.name != one.name && other.fingerprint == one.fingerprint) names.push_back(other.name);
  }
  return names;
}

std::vector<std::string> versions_of(const policy& one) {
  using enum tls_version;
  std::vector<std::string> names;
  for (const auto version : {tls1_3, tls1_2, tls1_1, tls1_0, ssl3}) {
    if (version >= one.min && version <= one.max) names.emplace_back(to_string(version));
  }
  return names;
}

}  // namespace sluice::tool
