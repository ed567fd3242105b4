// SPDX-License-Identifier: Apache-2.0
// The library says which one it is, and with which engine.
#include "sluice/version.hpp"

#include "sluice/policy.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::test {
namespace {

TEST(version, names_itself_and_the_engine_it_was_linked_with) {
  const auto v = version();
  EXPECT_EQ(v.text, SLUICE_VERSION_STRING);
  EXPECT_EQ(v.text, std::to_string(v.major) + '.' + std::to_string(v.minor) + '.' + std::to_string(v.patch));
  EXPECT_TRUE(v.aws_lc.starts_with("AWS-LC ")) << v.aws_lc;
  std::ifstream lock(SLUICE_SOURCE_DIR "/engine/Cargo.lock");
  std::stringstream text;
  text << lock.rdbuf();
  EXPECT_NE(text.str().find("name = \"s2n-tls-sys\"\nversion = \"" + v.s2n + "\""), std::string::npos) << v.s2n;
}

TEST(version, dates_the_default_policy_by_one_that_says_the_same) {
  const auto date = version().default_policy;
  EXPECT_EQ(date.size(), 8u) << date;
  EXPECT_EQ(find_policy(date).value().fingerprint, find_policy("default").value().fingerprint);
}

}  // namespace
}  // namespace sluice::test
