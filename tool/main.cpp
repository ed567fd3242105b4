// SPDX-License-Identifier: Apache-2.0
// The command line: finds the verb, lets it run, and turns whatever goes wrong into one sentence and an exit code.
#include "terminal/exit_code.hpp"
#include "terminal/uncaught.hpp"
#include "terminal/standard_streams.hpp"
#include "terminal/output.hpp"
#include "terminal/screen.hpp"
#include "verbs/program.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

using namespace sluice::tool;

// Output that could not be written is a failure; a reader that had enough is not.
int after_output(int code) noexcept try {
  errno = 0;
  if (std::fflush(standard_output()) == 0 || errno == EPIPE) return code;
  const auto error = errno;
  screen(stderr).line(fmt::format("sluice: output cannot be written: {}", std::strerror(error)));
  return code == exit_ok ? static_cast<int>(exit_internal) : code;
} catch (...) {
  return report_exception();
}

}  // namespace

int main(int argc, char** argv) {
  if (!fill_standard_descriptors()) return exit_internal;  // there is nowhere to report it
  std::signal(SIGPIPE, SIG_IGN);
  int code = exit_internal;
  try {
    code = parse_command_line(sluice_program(), argc, argv)();
  } catch (...) {
    code = report_exception();
  }
  return after_output(code);
}
