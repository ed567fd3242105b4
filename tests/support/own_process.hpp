// SPDX-License-Identifier: Apache-2.0
// For tests of what a process has once: it runs in a fresh one, and must answer true.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

// gtest's death tests, for a process that ends well.
#define IN_A_PROCESS_OF_ITS_OWN(body)             \
  GTEST_FLAG_SET(death_test_style, "threadsafe"); \
  EXPECT_EXIT(std::exit((body)() ? 0 : 1), testing::ExitedWithCode(0), "")
