// SPDX-License-Identifier: Apache-2.0
#include "terminal/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <mutex>

namespace sluice::tool {
namespace {

std::FILE* own = nullptr;  // set once, before there are threads

}  // namespace

std::FILE* standard_output() noexcept { return own != nullptr ? own : stdout; }
int standard_output_descriptor() noexcept { return ::fileno(standard_output()); }

void keep_output_from_modules() noexcept {
  static std::once_flag once;
  std::call_once(once, [] {
    std::fflush(stdout);
    const int copy = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return;  // closed, or no descriptor left: then it stays as it is
    auto* made = ::fdopen(copy, "w");
    if (made == nullptr || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
      ::close(copy);
      return;
    }
    own = made;
  });
}

}  // namespace sluice::tool
