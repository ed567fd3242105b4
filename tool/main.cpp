// SPDX-License-Identifier: Apache-2.0
// The command line: finds the verb, lets it run, and turns whatever goes wrong into one sentence and an exit code.
#include "terminal/exit_code.hpp"
#include "terminal/uncaught.hpp"
#include "terminal/standard_streams.hpp"
#include "terminal/output.hpp"
#include "terminal/screen.hpp"
#include "verbs/program.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

using namespace sluice::tool;

// CLI11 has its own idea of exit codes, and several sentences; here it is 1, and one.
int refuse(const CLI::App& app, const CLI::ParseError& why) {
  std::string path = "sluice";
  for (auto subs = app.get_subcommands(); !subs.empty(); subs = subs.front()->get_subcommands())
    path += " " + subs.front()->get_name();
  std::string text = why.what();
  if (const auto end = text.find('\n'); end != text.npos) text.resize(end);
  while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
  screen(stderr).line(fmt::format("{}: {}; see `{} --help`", path, text, path));
  return exit_usage;
}

// Output that could not be written is a failure; a reader that had enough is not.
int after_output(int code) noexcept try {
  errno = 0;
  if (std::fflush(standard_output()) == 0 || errno == EPIPE) return code;
  const auto why = errno;
  screen(stderr).line(fmt::format("sluice: output cannot be written: {}", std::strerror(why)));
  return code == exit_ok ? static_cast<int>(exit_internal) : code;
} catch (...) {
  return report_exception();
}

action saying(std::string text) {
  return [text = std::move(text)] {
    screen(stdout).lines(text);
    return static_cast<int>(exit_ok);
  };
}

int run(int argc, char** argv) {
  CLI::App app("", "sluice");
  auto chosen = declare_program(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    chosen = saying(app.help());
  } catch (const CLI::Success& told) {  // --version
    chosen = saying(told.what());
  } catch (const CLI::ParseError& why) {
    return refuse(app, why);
  }
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  if (!fill_standard_descriptors()) return exit_internal;  // there is nowhere to report it
  std::signal(SIGPIPE, SIG_IGN);
  int code = exit_internal;
  try {
    code = run(argc, argv);
  } catch (...) {
    code = report_exception();
  }
  return after_output(code);
}
