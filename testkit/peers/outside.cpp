// SPDX-License-Identifier: Apache-2.0
// Other people's clients: a shell command for each peer.
#include "sluice/error.hpp"
#include "testkit/peers/connection.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

namespace sluice::testkit::peers {
namespace {

using clock_type = std::chrono::steady_clock;

std::string filled(const outside_client& asked) {
  auto text = asked.command;
  const auto put = [&text](std::string_view name, const std::string& value) {
    for (auto at = text.find(name); at != text.npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  };
  put("{host}", asked.at.address().to_string());
  put("{port}", std::to_string(asked.at.port()));
  put("{ca}", asked.ca_file);
  put("{sni}", asked.server_name);
  return text;
}

// In a process group of its own, so that it can be ended with all it started.
pid_t start(const std::string& command, const std::string& log_file) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(nothing, 0);
  ::dup2(log, 1);
  ::dup2(log, 2);
  std::signal(SIGPIPE, SIG_DFL);
  ::execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
  ::_exit(127);
}

// What waitpid reports, or nothing if the limit came first.
std::optional<int> wait_for(pid_t child, std::chrono::milliseconds limit) {
  const auto deadline = clock_type::now() + limit;
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    if (clock_type::now() >= deadline) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::kill(-child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return std::nullopt;
}

std::string last_line(const std::string& file) {
  std::ifstream in(file);
  std::string last;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) last = line.substr(0, 300);
  }
  return last;
}

}  // namespace

outcome run_outside_client(const outside_client& asked, std::chrono::milliseconds limit) {
  outcome seen;
  seen.is_ours = false;
  const auto began = clock_type::now();
  const auto child = start(filled(asked), asked.log_file);
  if (child < 0) throw error(make_failure(errc::internal, "--client", "no process can be started"));
  const auto status = wait_for(child, limit);
  seen.took = clock_type::now() - began;
  seen.words = last_line(asked.log_file);
  if (!status) {
    seen.error = make_failure(errc::timed_out, "", "it had not ended after " + std::to_string(limit.count()) + " ms");
  } else if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    seen.error = make_failure(errc::certificate_rejected, "",
                              WIFEXITED(*status) ? "exit code " + std::to_string(WEXITSTATUS(*status))
                                                 : "signal " + std::to_string(WTERMSIG(*status)));
  }
  return seen;
}

}  // namespace sluice::testkit::peers
