// SPDX-License-Identifier: Apache-2.0
#include "core/x509/name_mismatch.hpp"

#include "core/base/ascii_case.hpp"
#include "core/x509/certificate_parts.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using name_kind = alternative_name::kind;

bool is_host(const alternative_name& name) { return name.type == name_kind::dns || name.type == name_kind::ip; }

// Would it match if a wildcard stood for anything anywhere?
// Only to find what was meant: whether a certificate matches is decided elsewhere (RFC 6125), before this is called.
// The caller bounds the length of the pattern, because several stars make this exponential.
bool matches_loosely(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  if (star == pattern.npos) return equal_ignoring_case(pattern, name);
  const auto before = pattern.substr(0, star);
  if (name.size() < before.size() || !equal_ignoring_case(before, name.substr(0, before.size()))) return false;
  for (auto at = before.size(); at <= name.size(); ++at) {
    if (matches_loosely(pattern.substr(star + 1), name.substr(at))) return true;
  }
  return false;
}

// RFC 9525 §6.3: the whole of the leftmost label, once, for one label.
std::string why_wildcard_fails(std::string_view pattern) {
  const auto rest = pattern.starts_with("*.") ? pattern.substr(2) : std::string_view();
  if (pattern == "*") return "a wildcard alone stands for no name";
  if (rest.empty() || rest.find('*') != rest.npos) return "a wildcard must be the whole of the leftmost label";
  if (rest.find('.') == rest.npos) return "a wildcard needs two labels behind it";
  return "a wildcard stands for one label";
}

std::string list_of(const certificate& leaf, bool hosts) {
  // In characters: certificates with thousands of names exist, and the text is for one line.
  constexpr std::size_t most = 200;
  std::string text;
  for (const auto& name : leaf.names()) {
    if (is_host(name) != hosts || name.value.empty()) continue;
    if (text.size() > most) return text + ", …";
    text += (text.empty() ? "" : ", ") + name.value;
  }
  return text;
}

}  // namespace

name_mismatch explain_name(const certificate& leaf, std::string_view wanted, bool is_ip) {
  if (leaf.names().empty())
    return {"it names no host (no subjectAltName)", "have it issued with a subjectAltName for this one"};
  const auto hosts = list_of(leaf, true);
  if (hosts.empty()) {
    const auto others = list_of(leaf, false);
    return {"it names no host" + (others.empty() ? std::string() : ", only " + others),
            "have it issued with a subjectAltName for this one"};
  }
  std::string_view nearest;  // of the wildcards that could be meant, the one that says most
  for (const auto& name : leaf.names()) {
    if (name.type != name_kind::dns) continue;
    if (is_ip && (name.value == wanted || ip_bytes(name.value) == ip_bytes(wanted))) {
      return {"it has " + name.value + " as a DNS name, not as an IP address",
              "have it issued with the address as an IP address"};
    }
    if (is_ip || name.value.find('*') == name.value.npos || name.value.size() > 253) continue;
    if (name.value.size() > nearest.size() && matches_loosely(name.value, wanted)) nearest = name.value;
  }
  if (!nearest.empty()) {
    return {"it is for " + hosts + "; \"" + std::string(nearest) + "\" does not count: " + why_wildcard_fails(nearest),
            "have it issued for this name"};
  }
  return {"it is for " + hosts, "connect by a name it carries, or have it issued for this one"};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
