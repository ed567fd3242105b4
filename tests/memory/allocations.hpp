// SPDX-License-Identifier: Apache-2.0
// One allocation of this program fails, made by us or by s2n.
#pragma once

#include <cstddef>

namespace sluice::test {

// From construction to destruction allocations are counted, and the n-th, counted from 0, fails. One at a time.
class failing_allocation {
 public:
  explicit failing_allocation(long n) noexcept;
  failing_allocation(const failing_allocation&) = delete;
  failing_allocation& operator=(const failing_allocation&) = delete;
  ~failing_allocation();

  static bool has_failed() noexcept;  // it came to the n-th
};

}  // namespace sluice::test
