// SPDX-License-Identifier: Apache-2.0
// However the transport cuts the bytes up, the handshake succeeds and the data arrive exact.
#include "support/flavour.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace sluice::test {
namespace {

class connection_chunks : public ::testing::TestWithParam<std::tuple<std::size_t, flavour>> {};

TEST_P(connection_chunks, leave_handshake_and_data_exact_both_ways) {
  const auto [chunk, f] = GetParam();
  auto p = make_pair(f);
  p.client_io.chunk = p.server_io.chunk = chunk;
  ASSERT_TRUE(p.handshake()) << why(p);
  EXPECT_EQ(p.client.info().version, f.version_text());

  const auto text = random_text(chunk < 100 ? 20'000 : 300'000);
  EXPECT_EQ(p.client_to_server(text), text);
  EXPECT_EQ(p.server_to_client(text), text);
  EXPECT_EQ(p.client_to_server("x"), "x");
}

std::string chunk_name(const ::testing::TestParamInfo<std::tuple<std::size_t, flavour>>& info) {
  const auto chunk = std::get<0>(info.param);
  return (chunk == all ? "all" : std::to_string(chunk)) + "_bytes_" + name_of(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(of_every_size, connection_chunks,
                         ::testing::Combine(::testing::Values(1, 2, 5, 17 * 1024, all), ::testing::ValuesIn(flavours)),
                         chunk_name);

}  // namespace
}  // namespace sluice::test
