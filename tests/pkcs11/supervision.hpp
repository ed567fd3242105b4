// SPDX-License-Identifier: Apache-2.0
// A module with two tokens on simulated time, and what goes wrong in it.
#pragma once

#include "support/simulated_pool.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::pkcs11 {

class supervision : public testing::Test {
 protected:
  using simulated_fault = test::simulated_fault;
  using kind = simulated_fault::kind;
  simulated_fault& goes_wrong(simulated_fault fault) { return module_.add(std::move(fault)); }
  simulated_fault& answers(const std::string& function, CK_RV value, std::uint64_t times = 0) {
    return goes_wrong({.what = kind::answer, .function = function, .value = value, .times = times});
  }
  simulated_fault& takes(const std::string& function, runtime::duration time) {
    return goes_wrong({.what = kind::latency, .function = function, .takes = time});
  }
  simulated_fault& hangs(const std::string& function, std::uint64_t times = 0) {
    return goes_wrong({.what = kind::hang, .function = function, .times = times});
  }
  // Somebody asks every 50 ms; how long it took until a signature was made.
  runtime::duration until_it_signs(test::simulated_pool& pool, runtime::duration at_most = std::chrono::hours(1)) {
    const auto began = world_.now();
    while (pool.last_good() < began && world_.now() - began < at_most) {
      pool.ask(std::chrono::seconds(5));
      world_.sleep_for(std::chrono::milliseconds(50));
    }
    return world_.now() - began;
  }
  void ask_for(test::simulated_pool& pool, runtime::duration time,
               runtime::duration timeout = std::chrono::seconds(5)) {
    const auto end = world_.now() + time;
    for (; world_.now() < end; world_.sleep_for(std::chrono::milliseconds(100))) pool.ask(timeout);
  }

  test::simulated_runtime world_{7};
  test::simulated_module module_{world_, 2};
};

}  // namespace sluice::pkcs11
