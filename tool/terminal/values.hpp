// SPDX-License-Identifier: Apache-2.0
// Values as people type them: addresses, durations, numbers. Each throws errc::invalid_argument with what was expected.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::tool {

struct target {
  std::string host;  // "example.org", "::1"
  std::string port = "443";
  std::string path = {};     // of a Unix socket, which is asked instead
  std::string text() const;  // "example.org:443", "[::1]:443", "example.org at /run/site.sock"
};

target parse_target(std::string_view text, std::string_view port = "443");  // HOST, HOST:PORT, [::1]:443, ::1
boost::asio::ip::tcp::endpoint parse_listen_address(
    std::string_view text);  // "127.0.0.1:8443", "[::]:0", ":8443" on loopback
std::chrono::milliseconds parse_duration(std::string_view text, std::string_view option);  // 250ms 10s 5m 2h 21d
std::uint64_t parse_count(std::string_view text, std::string_view option);

std::string to_text(const boost::asio::ip::tcp::endpoint& at);  // "127.0.0.1:443", "[::1]:443"

}  // namespace sluice::tool
