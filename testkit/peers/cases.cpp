// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/case.hpp"

#include "sluice/error.hpp"

#include <algorithm>
#include <iterator>

namespace sluice::testkit::peers {

std::string_view verdict_name(const std::optional<errc>& verdict) noexcept {
  return verdict ? to_string(*verdict) : "accepted";
}

const std::vector<lab_case>& cases() {
  static const auto all = [] {
    std::vector<lab_case> together;
    for (auto table : {certificate_cases, name_cases, key_cases, ocsp_cases, protocol_cases, behaviour_cases,
                       late_cases, token_cases, client_cases}) {
      auto some = table();
      std::ranges::move(some, std::back_inserter(together));
    }
    return together;
  }();
  return all;
}

std::vector<lab_case> select_cases(const std::vector<std::string>& names) {
  if (names.empty()) return cases();
  for (const auto& name : names) {
    const bool is_known =
        std::ranges::any_of(cases(), [&name](const lab_case& one) { return one.name == name || one.group == name; });
    if (!is_known)
      throw error(make_failure(errc::invalid_argument, "\"" + name + "\"", "there is no such case",
                               "`sluice lab list` shows all"));
  }
  std::vector<lab_case> chosen;
  std::ranges::copy_if(cases(), std::back_inserter(chosen), [&names](const lab_case& one) {
    return std::ranges::find(names, one.name) != names.end() || std::ranges::find(names, one.group) != names.end();
  });
  return chosen;
}

}  // namespace sluice::testkit::peers
