// SPDX-License-Identifier: Apache-2.0
// What is kept of secrets that are only compared: the same in one process, and of no use in another.
#include "core/process_mac.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace sluice::test {
namespace {

using mac = std::array<std::uint8_t, 32>;

mac in_another_process(std::string_view context, std::string_view secret) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto made = internal::process_mac(context, secret);
    ::_exit(::write(ends[1], made.data(), made.size()) == static_cast<ssize_t>(made.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  mac made{};
  EXPECT_EQ(::read(ends[0], made.data(), made.size()), static_cast<ssize_t>(made.size()));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return made;
}

TEST(process_mac, has_a_key_that_no_other_process_has) {
  const auto one = in_another_process("token", "1234");
  EXPECT_NE(one, in_another_process("token", "1234")) << "whoever has what is kept tries short PINs in vain";
  EXPECT_NE(one, mac{});
}

TEST(process_mac, tells_secrets_and_their_contexts_apart) {
  using internal::process_mac;
  const auto one = process_mac("token", "1234");
  EXPECT_EQ(one, process_mac("token", "1234"));
  EXPECT_NE(one, process_mac("token", "1235"));
  EXPECT_NE(one, process_mac("other", "1234"));
  EXPECT_NE(process_mac("toke", "n1234"), process_mac("token", "1234"));
}

}  // namespace
}  // namespace sluice::test
