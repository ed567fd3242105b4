// SPDX-License-Identifier: Apache-2.0
#include "terminal/descriptor_limit.hpp"

#include <sys/resource.h>

namespace sluice::tool {

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // at worst it stays as it was
}

}  // namespace sluice::tool
