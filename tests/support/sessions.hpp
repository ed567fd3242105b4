// SPDX-License-Identifier: Apache-2.0
// A store of sessions that notes what is done with it, and handshakes that use it.
#pragma once

#include "support/certs.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

constexpr version_range only(tls_version v) { return {v, v}; }
inline constexpr std::array both = {tls_version::tls1_2, tls_version::tls1_3};

// Notes what it is given and asked for, and passes it on.
struct noting_store : session_store {
  struct given {
    std::string key, bytes;
    std::chrono::seconds lifetime;
  };
  void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) override {
    const std::string bytes(reinterpret_cast<const char*>(session.data()), session.size());
    puts.push_back({std::string(key), bytes, lifetime});
    inner->put(key, session, lifetime);
  }
  std::optional<secret> take(std::string_view key) override {
    takes.emplace_back(key);
    auto found = inner->take(key);
    if (found) taken.emplace_back(found->view());
    return found;
  }
  std::vector<given> puts;
  std::vector<std::string> takes, taken;
  std::shared_ptr<session_store> inner = make_session_store();
};

struct meeting {
  bool established, resumed;
};

// A handshake and a little traffic, so that the client sees its tickets.
inline meeting try_meet(const context& client, const context& server, std::uint16_t port = 0,
                        std::string_view name = "localhost") {
  pair p(client, server, {.server_name = name, .alpn = {}, .port = port});
  if (!p.handshake()) return {false, false};
  EXPECT_EQ(p.server_to_client("hello"), "hello");
  EXPECT_EQ(p.client.info().resumed, p.server.info().resumed);
  return {true, p.client.info().resumed};
}

inline bool resumes(const context& client, const context& server, std::uint16_t port = 0,
                    std::string_view name = "localhost") {
  const auto seen = try_meet(client, server, port, name);
  EXPECT_TRUE(seen.established);
  return seen.resumed;
}

}  // namespace sluice::test
