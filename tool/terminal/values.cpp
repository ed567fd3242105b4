// SPDX-License-Identifier: Apache-2.0
#include "terminal/values.hpp"

#include "terminal/failure.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

[[noreturn]] void bad_address(std::string_view text, const std::string& detail) {
  give_up(errc::invalid_argument, "\"" + std::string(text) + "\"", detail,
          "write HOST, HOST:PORT or [IPV6]:PORT, with a port from 1 to 65535");
}

struct split {
  std::string host;
  std::optional<std::string> port;
};

// With a zone or without: fe80::1%eth0.
void check_ipv6(std::string_view text, const std::string& host) {
  boost::system::error_code ec;
  asio::ip::make_address_v6(host, ec);
  if (ec) bad_address(text, "\"" + host + "\" is not an IPv6 address");
}

// A text with two colons or more and no brackets is an IPv6 address alone.
split split_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) bad_address(text, "the bracket is not closed");
    const auto rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') bad_address(text, "what follows the bracket is not a port");
    split made{std::string(text.substr(1, end - 1)), std::nullopt};
    if (!rest.empty()) made.port = rest.substr(1);
    return made;
  }
  const auto colon = text.find(':');
  if (colon == text.npos || text.find(':', colon + 1) != text.npos) return {std::string(text), std::nullopt};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::string bracketed(const std::string& host, const std::string& port) {
  return (host.find(':') == host.npos ? host : "[" + host + "]") + ":" + port;
}

}  // namespace

std::string target::text() const { return path.empty() ? bracketed(host, port) : host + " at " + path; }

target parse_target(std::string_view text, std::string_view default_port) {
  if (text.find("://") != text.npos) bad_address(text, "a URL is not taken");
  auto parts = split_port(text);
  if (parts.host.empty()) bad_address(text, "there is no host in it");
  if (std::ranges::any_of(parts.host, [](char c) { return static_cast<unsigned char>(c) >= 0x80; })) {
    give_up(errc::bad_name, "\"" + std::string(text) + "\"", "not in ASCII", "write the name in its xn-- form");
  }
  if (text.starts_with('[') || parts.host.find(':') != parts.host.npos) check_ipv6(text, parts.host);
  target made{.host = std::move(parts.host), .port = std::string(default_port)};
  if (parts.port) {
    const auto port = number(*parts.port);
    if (!port || *port == 0 || *port > 65535) bad_address(text, "\"" + *parts.port + "\" is not a port");
    made.port = std::to_string(*port);
  }
  return made;
}

asio::ip::tcp::endpoint parse_listen_address(std::string_view text) {
  const auto refuse = [text](const std::string& detail) {
    give_up(errc::invalid_argument, "\"" + std::string(text) + "\"", detail,
            "write ADDRESS:PORT, for example 127.0.0.1:8443; port 0 is any free one");
  };
  const auto parts = split_port(text);
  const auto port = parts.port ? number(*parts.port) : std::nullopt;
  if (!port || *port > 65535) refuse("there is no port in it");
  if (parts.host.empty() || parts.host == "localhost") {
    return {asio::ip::address_v4::loopback(), static_cast<unsigned short>(*port)};
  }
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(parts.host, ec);
  if (ec) refuse("\"" + parts.host + "\" is not an IP address");
  return {address, static_cast<unsigned short>(*port)};
}

std::chrono::milliseconds parse_duration(std::string_view text, std::string_view option) {
  struct unit {
    std::string_view name;
    std::uint64_t milliseconds;
  };
  constexpr std::array units = {unit{"ms", 1}, unit{"s", 1000}, unit{"m", 60'000}, unit{"h", 3'600'000},
                                unit{"d", 86'400'000}};
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = number(text.substr(0, digits));
  for (const auto& u : units) {
    if (!count || text.substr(digits) != u.name) continue;
    // A century is long enough, and far from any clock's end.
    if (*count > 36'500 * (units.back().milliseconds / u.milliseconds)) break;
    return std::chrono::milliseconds(*count * u.milliseconds);
  }
  give_up(errc::invalid_argument, std::string(option), "\"" + std::string(text) + "\" is not a duration",
          "write a number and its unit: 250ms, 10s, 5m, 2h or 21d");
}

std::uint64_t parse_count(std::string_view text, std::string_view option) {
  const auto count = number(text);
  if (count && *count > 0) return *count;
  give_up(errc::invalid_argument, std::string(option), "\"" + std::string(text) + "\" is not a number above 0",
          "write a number, for example 10");
}

std::string to_text(const asio::ip::tcp::endpoint& at) {
  return bracketed(at.address().to_string(), std::to_string(at.port()));
}

}  // namespace sluice::tool
