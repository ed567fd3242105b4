// SPDX-License-Identifier: Apache-2.0
// The command line: finds the verb, lets it run, and turns whatever goes wrong into one sentence and an exit code.
#include "cli/exit_code.hpp"
#include "cli/trouble.hpp"
#include "show/screen.hpp"
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
int after_output(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 || errno == EPIPE) return code;
  screen(stderr).line(fmt::format("sluice: standard output: {}", std::strerror(errno)));
  return code == exit_ok ? static_cast<int>(exit_internal) : code;
}

int run(const action& chosen) {
  try {
    return chosen();
  } catch (const sluice::error& e) {
    complain(e.why());
    return exit_code_of(e.why());
  } catch (const std::exception& e) {
    screen(stderr).line(fmt::format("sluice: internal error: {}; please report it", e.what()));
    return exit_internal;
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("", "sluice");
  const auto chosen = declare_program(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    app.exit(help);
    return after_output(exit_ok);
  } catch (const CLI::Success& told) {  // --version
    app.exit(told);
    return after_output(exit_ok);
  } catch (const CLI::ParseError& why) {
    return refuse(app, why);
  }
  return after_output(run(chosen));
}
