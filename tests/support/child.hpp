// SPDX-License-Identifier: Apache-2.0
// A process of its own for what may be done only once in a process.
#pragma once

#include "sluice/library.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>

namespace sluice::test {

enum class leaks { checked, tolerated };

// Runs `body` in a child forked before the library has started. Its failures are printed there and fail the test
// here; a crash or a leak (it ends by exit, so that the leak checker looks) fails it too.
template <class Body>
void in_child(Body body, leaks leaked = leaks::checked) {
  ASSERT_FALSE(tls_library::is_started()) << "too late to fork";
  std::fflush(nullptr);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      body();
    } catch (const std::exception& thrown) {
      ADD_FAILURE() << thrown.what();
    }
    const int status = ::testing::Test::HasFailure() ? 1 : 0;
    std::fflush(nullptr);
    if (leaked == leaks::tolerated) ::_exit(status);
    std::exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace sluice::test
