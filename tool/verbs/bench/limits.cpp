// SPDX-License-Identifier: Apache-2.0
#include "verbs/bench/limits.hpp"

#include "terminal/failure.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace sluice::tool {

void allow_connections(std::size_t connections) {
  constexpr std::size_t others = 64;  // loops, files, a token's module
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= connections + others) return;
  give_up(errc::invalid_argument, "--connections",
          "this process may open " + std::to_string(limit.rlim_cur) + " descriptors, too few for " +
              std::to_string(connections) + " connections",
          "ask for fewer, or raise the hard limit (`ulimit -Hn`, LimitNOFILE=)");
}

std::size_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  file >> whole >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sluice::tool
