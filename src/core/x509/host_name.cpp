// SPDX-License-Identifier: Apache-2.0
#include "core/x509/host_name.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/x509/certificate_parts.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

// The underscore is not allowed in host names (RFC 952), but is in use; certificates for such names exist.
bool is_label_character(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, is_label_character);
}

// "eth0", "1"; in a URL the sign before it is written %25 (RFC 6874 §2).
bool is_zone(std::string_view zone) {
  return !zone.empty() && std::ranges::all_of(zone, [](unsigned char c) { return is_label_character(c) || c == '.'; });
}

host_name split_zone(std::string_view text) {
  const auto sign = text.find('%');
  if (sign == text.npos) return {std::string(text), is_ip_literal(text)};
  auto zone = text.substr(sign + 1);
  if (zone.size() > 2 && zone.starts_with("25")) zone.remove_prefix(2);
  const auto address = text.substr(0, sign);
  const bool is_ip = address.find(':') != address.npos && is_ip_literal(address) && is_zone(zone);
  return {std::string(address), is_ip, std::string(zone)};
}

// What people give for a host besides a host.
std::string_view mistaken_for(std::string_view text) {
  if (text.find("://") != text.npos) return "a URL";
  const auto colon = text.find(':');
  const auto port = text.substr(std::min(colon, text.size() - 1) + 1);
  const bool is_port = !port.empty() && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (colon != text.npos && is_port) return "a host with a port";
  if (text.starts_with('[') && text.find("]:") != text.npos) return "an address with a port";
  if (text.find('/') != text.npos) return "a host with a path";
  if (text.find('@') != text.npos) return "a host with a user";
  return {};
}

}  // namespace

result<host_name> check_host_name(std::string_view name, std::string_view what) {
  const auto bad_name = [&](std::string_view detail, std::string_view remedy = {}) {
    return with_usual_remedy(
        make_failure(errc::bad_name, std::string(what) + " \"" + std::string(name) + "\"", detail, remedy));
  };
  if (name.empty()) return host_name{};
  auto text = name;
  const bool has_brackets = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (has_brackets) text = text.substr(1, text.size() - 2);
  // Addresses come before all else: 127.0.0.1 would otherwise be a name of four labels.
  if (auto address = split_zone(text); address.is_ip) return address;
  if (has_brackets) return bad_name("not an IPv6 address");
  if (const auto other = mistaken_for(text); !other.empty()) {
    return bad_name("it is " + std::string(other), "give the host alone, and the port by itself");
  }
  // A trailing dot is DNS syntax for "no search list", and not part of the name that a certificate has (RFC 6066 §3).
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.size() > 253) return bad_name("longer than 253 characters");
  if (std::ranges::any_of(text, [](unsigned char c) { return c >= 0x80; })) {
    return bad_name("not in ASCII", "write the name in its xn-- form");
  }
  for (auto rest = text;;) {
    const auto end = rest.find('.');
    if (!is_label(rest.substr(0, end))) return bad_name("a label of it is not letters, digits and hyphens");
    if (end == rest.npos) return host_name{std::string(text), false};
    rest.remove_prefix(end + 1);
  }
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
