// SPDX-License-Identifier: Apache-2.0
#include "verbs/policy/difference.hpp"

#include "verbs/policy/lookup.hpp"

#include <algorithm>
#include <array>

namespace sluice::tool {
namespace {

using list = std::vector<std::string>;

bool has(const list& in, const std::string& one) { return std::ranges::find(in, one) != in.end(); }

// What is in the first and not in the second; the rest of the first goes to `common`.
list alone(const list& first, const list& second, list& common) {
  list made;
  for (const auto& one : first) (has(second, one) ? common : made).push_back(one);
  return made;
}

list_difference compare(std::string_view name, const list& a, const list& b) {
  list common_a, common_b;
  list_difference made{.name = name, .only_a = alone(a, b, common_a), .only_b = alone(b, a, common_b)};
  made.is_reordered = common_a != common_b;
  return made;
}

list certificate_signatures(const policy& one) {
  return one.certificate_signatures.empty() ? list{"any"} : one.certificate_signatures;
}

// The lists of s2n's description that `policy` has no list of: rules, preferred groups, kinds of certificate keys.
list other_lines(const policy& one) {
  constexpr std::array known = {
      "cipher suites:", "signature schemes:", "curves:", "certificate signature schemes:", "pq:"};
  list made;
  std::string heading;
  bool is_known = false;
  std::string_view rest = one.fingerprint;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (!line.starts_with('-')) {
      heading = line;
      is_known = std::ranges::find(known, heading) != known.end() || heading.starts_with("min version:");
      if (!is_known && !heading.ends_with(':')) made.push_back(heading);
    } else if (!is_known) {
      made.push_back(heading + " " + std::string(line.substr(2)));
    } else if (line == "- chacha20 boosting enabled") {
      made.emplace_back(line.substr(2));
    }
  }
  return made;
}

}  // namespace

std::vector<list_difference> compare(const policy& a, const policy& b) {
  return {compare("versions", versions_of(a), versions_of(b)),
          compare("suites", a.suites, b.suites),
          compare("groups", a.groups, b.groups),
          compare("signatures", a.signatures, b.signatures),
          compare("certificate_signatures", certificate_signatures(a), certificate_signatures(b)),
          compare("other", other_lines(a), other_lines(b))};
}

}  // namespace sluice::tool
