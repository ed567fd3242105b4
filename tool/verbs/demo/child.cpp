// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/child.hpp"

#include "terminal/failure.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

extern char** environ;

namespace sluice::tool {
namespace {

class descriptor {
 public:
  explicit descriptor(int number = -1) noexcept : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { close(); }
  int get() const noexcept { return number_; }
  bool is_open() const noexcept { return number_ >= 0; }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

struct pipe_pair {
  descriptor read, write;
  pipe_pair() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up(errc::internal, "pipe");
    read = descriptor(ends[0]);
    write = descriptor(ends[1]);
  }
};

class child {
 public:
  explicit child(const std::vector<std::string>& command);
  ~child();
  void exchange(std::string_view input, std::size_t expected, std::chrono::milliseconds limit,
                const std::function<void()>& poll, child_result& result);
  int wait();

 private:
  void feed(std::string_view& input);
  static void listen(descriptor& from, std::string& into);

  pipe_pair in_, out_, err_;
  pid_t id_ = -1;
};

child::child(const std::vector<std::string>& command) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in_.read.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out_.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_.write.get(), STDERR_FILENO);
  // We ignore SIGPIPE, and ignoring is inherited.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t usual;
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  words.reserve(command.size());
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const int failed = ::posix_spawnp(&id_, words[0], &actions, &attributes, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    give_up(failed == ENOENT ? errc::file_not_found : errc::file_unreadable, command[0], "it cannot be run",
            "install it");
  }
  in_.read.close();
  out_.write.close();
  err_.write.close();
  ::fcntl(in_.write.get(), F_SETFL, O_NONBLOCK);
}

child::~child() {
  if (id_ < 0) return;
  ::kill(id_, SIGKILL);
  wait();
}

int child::wait() {
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child::feed(std::string_view& input) {
  const auto n = ::write(in_.write.get(), input.data(), input.size());
  if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
  if (n < 0 && errno != EAGAIN && errno != EINTR) in_.write.close();
}

void child::listen(descriptor& from, std::string& into) {
  std::array<char, 65536> chunk;
  const auto n = ::read(from.get(), chunk.data(), chunk.size());
  if (n > 0) into.append(chunk.data(), static_cast<std::size_t>(n));
  if (n == 0 || (n < 0 && errno != EINTR)) from.close();
}

void child::exchange(std::string_view input, std::size_t expected, std::chrono::milliseconds limit,
                     const std::function<void()>& poll, child_result& result) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while ((out_.read.is_open() || err_.read.is_open()) && std::chrono::steady_clock::now() < end) {
    poll();
    if (result.output.size() >= expected && in_.write.is_open()) {
      in_.write.close();
      ::kill(id_, SIGTERM);
    }
    const short wanted = input.empty() ? short{0} : short{POLLOUT};
    std::array<pollfd, 3> entries = {pollfd{in_.write.get(), wanted, 0}, pollfd{out_.read.get(), POLLIN, 0},
                                     pollfd{err_.read.get(), POLLIN, 0}};
    if (::poll(entries.data(), entries.size(), 20) <= 0) continue;
    if (entries[0].revents != 0 && in_.write.is_open()) feed(input);
    if (entries[1].revents != 0) listen(out_.read, result.output);
    if (entries[2].revents != 0) listen(err_.read, result.complaint);
  }
  if (out_.read.is_open() || err_.read.is_open()) ::kill(id_, SIGKILL);
}

}  // namespace

child_result run_child(const std::vector<std::string>& command, std::string_view input, std::size_t expected,
                       std::chrono::milliseconds limit, const std::function<void()>& poll) {
  child_result result;
  child one(command);
  one.exchange(input, expected, limit, poll, result);
  result.status = one.wait();
  return result;
}

}  // namespace sluice::tool
