// SPDX-License-Identifier: Apache-2.0
// Each allocation of a handshake fails once: the handshake then fails in words or is done, and the next is done.
#include "memory/allocations.hpp"
#include "sluice/connection.hpp"
#include "support/certs.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <new>
#include <string>

namespace sluice::test {
namespace {

// One direction, in memory that is there from the beginning.
struct channel {
  std::array<std::byte, 256 * 1024> bytes;
  std::size_t begin = 0, end = 0;
};

class channel_end final : public transport {
 public:
  channel_end(channel& in, channel& out) : in_(in), out_(out) {}

  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override {
    const auto n = std::min(into.size(), in_.end - in_.begin);
    if (n == 0) ec = boost::system::errc::make_error_code(boost::system::errc::operation_would_block);
    std::copy_n(in_.bytes.begin() + static_cast<std::ptrdiff_t>(in_.begin), n, into.begin());
    in_.begin += n;
    return n;
  }

  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override {
    const auto n = std::min(from.size(), out_.bytes.size() - out_.end);
    if (n == 0) ec = boost::system::errc::make_error_code(boost::system::errc::operation_would_block);
    std::copy_n(from.begin(), n, out_.bytes.begin() + static_cast<std::ptrdiff_t>(out_.end));
    out_.end += n;
    return n;
  }

 private:
  channel& in_;
  channel& out_;
};

struct ending {
  bool is_done = false;
  std::string words;  // of the side that failed first; of bad_alloc where that came out
  errc cause{};
};

ending shake_hands(const context& client_context, const context& server_context) {
  static channel up, down;
  up.begin = up.end = down.begin = down.end = 0;
  channel_end client_io(down, up), server_io(up, down);
  try {
    connection client(client_context, role::client, "localhost"), server(server_context, role::server);
    for (int turn = 0; turn < 30; ++turn) {
      for (auto* side : {&client, &server}) {
        auto& io = side == &client ? client_io : server_io;
        if (side->is_established()) continue;
        if (const auto st = side->handshake(io); st.error)
          return {.is_done = false, .words = side->last_failure().message(), .cause = cause_of(st.error)};
      }
      if (client.is_established() && server.is_established()) return {.is_done = true, .words = "", .cause = {}};
    }
    return {.is_done = false, .words = "", .cause = {}};  // neither done nor failed
  } catch (const std::bad_alloc& e) {
    return {.is_done = false, .words = e.what(), .cause = errc::internal};
  }
}

struct flavour {
  const char* name;
  version_range versions;
  bool is_mutual;
};

struct out_of_memory : ::testing::TestWithParam<flavour> {};

TEST_P(out_of_memory, at_any_allocation_of_a_handshake_fails_that_handshake_in_words_and_no_other) {
  const auto site = site_identity();
  client_options client_side{.trust = trust_root(), .versions = GetParam().versions};
  server_options server_side{.identities = {site}, .versions = GetParam().versions};
  if (GetParam().is_mutual) {
    client_side.identity = identity::from_pem(device().chain, device().key).value();
    server_side.client_auth = client_auth::required;
    server_side.trust = trust_root();
  }
  const auto client = context::client(client_side).value();
  const auto server = context::server(server_side).value();
  ASSERT_TRUE(shake_hands(client, server).is_done);  // what is made once for a thread is there
  long failed = 0, n = 0;
  std::map<std::string, int> causes;
  for (bool was_hit = true; was_hit; ++n) {
    ending how;
    {
      const failing_allocation one(n);
      how = shake_hands(client, server);
      was_hit = failing_allocation::has_failed();
    }
    if (how.is_done) continue;
    ++failed;
    ++causes[std::string(to_string(how.cause))];
    ASSERT_NE(how.words, "") << "allocation " << n;
    EXPECT_NE(how.cause, errc::certificate_malformed) << "allocation " << n << ": " << how.words;
    ASSERT_TRUE(shake_hands(client, server).is_done) << "after allocation " << n << ": " << how.words;
  }
  for (const auto& [cause, times] : causes) RecordProperty(cause, times);
  EXPECT_GT(n, 40);
  EXPECT_GT(failed, 30);
}

INSTANTIATE_TEST_SUITE_P(each, out_of_memory,
                         ::testing::Values(flavour{"tls13", {.min = tls_version::tls1_3, .max = {}}, false},
                                           flavour{"tls12", {.min = {}, .max = tls_version::tls1_2}, false},
                                           flavour{"tls13_mutual", {.min = tls_version::tls1_3, .max = {}}, true}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sluice::test
