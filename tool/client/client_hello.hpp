// SPDX-License-Identifier: Apache-2.0
// A ClientHello taken apart (RFC 8446 §4.1.2), for people and as JSON.
#pragma once

#include "terminal/screen.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::tool {

struct client_hello {
  struct extension {
    std::uint16_t code = 0;
    std::string body;
  };
  struct key_share {
    std::uint16_t group = 0;
    std::size_t size = 0;
  };
  std::size_t size = 0;  // of the message, its header included
  std::uint16_t version = 0;
  std::string random, session_id;
  std::vector<std::uint16_t> suites;
  std::vector<extension> extensions;
  // Out of them; empty where there is no such extension, or it cannot be read.
  std::string server_name;
  std::vector<std::string> alpn;
  std::vector<std::uint16_t> versions, groups, schemes;
  std::vector<key_share> key_shares;
  std::size_t sessions = 0;  // offered, by pre_shared_key
};

// The whole message, with its header of four bytes; nothing where it is not one.
std::optional<client_hello> parse_client_hello(std::span<const std::byte> message);

void print_client_hello(const client_hello& hello, const screen& to);
boost::json::object describe(const client_hello& hello);

}  // namespace sluice::tool
