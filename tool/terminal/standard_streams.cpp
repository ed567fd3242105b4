// SPDX-License-Identifier: Apache-2.0
#include "terminal/standard_streams.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace sluice::tool {

bool fill_standard_descriptors() noexcept {
  for (const int wanted : std::array{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(wanted, F_GETFD) != -1 || errno != EBADF) continue;
    const int opened = ::open("/dev/null", O_RDWR);  // the lowest that is free (POSIX, open)
    if (opened == wanted) continue;
    if (opened >= 0) ::close(opened);
    return false;
  }
  return true;
}

}  // namespace sluice::tool
