// SPDX-License-Identifier: Apache-2.0
#include "core/host_name.hpp"

#include "core/certificate_parts.hpp"
#include "core/error_tables.hpp"

#include <algorithm>

namespace sluice::inline v0::internal {
namespace {

bool is_label_character(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, is_label_character);
}

failure bad_name(std::string_view name, std::string detail, std::string remedy = {}) {
  return make_failure(errc::bad_name, "server name \"" + std::string(name) + "\"", std::move(detail),
                      std::move(remedy));
}

}  // namespace

result<host_name> check_host_name(std::string_view name) {
  if (name.empty()) return host_name{};
  auto text = name;
  const bool has_brackets = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (has_brackets) text = text.substr(1, text.size() - 2);
  if (is_ip_literal(text)) return host_name{std::string(text), true};
  if (has_brackets) return bad_name(name, "not an IPv6 address");
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.size() > 253) return bad_name(name, "longer than 253 characters");
  if (std::ranges::any_of(text, [](unsigned char c) { return c >= 0x80; })) {
    return bad_name(name, "not in ASCII", "write the name in its xn-- form");
  }
  for (auto rest = text;;) {
    const auto end = rest.find('.');
    if (!is_label(rest.substr(0, end))) return bad_name(name, "a label of it is not letters, digits and hyphens");
    if (end == rest.npos) return host_name{std::string(text), false};
    rest.remove_prefix(end + 1);
  }
}

}  // namespace sluice::inline v0::internal
