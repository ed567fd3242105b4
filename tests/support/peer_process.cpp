// SPDX-License-Identifier: Apache-2.0
#include "support/peer_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

extern char** environ;

namespace sluice::test {

peer_process::peer_process(const std::vector<std::string>& command) {
  std::array<int, 2> in{}, out{};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  std::vector<char*> argv;
  argv.reserve(command.size());
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const int rc = ::posix_spawnp(&id_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  out_ = out[0];
  if (rc != 0) throw std::runtime_error("cannot start " + command[0]);
}

peer_process::~peer_process() {
  close_input();
  if (status_ < 0) {
    ::kill(id_, SIGKILL);
    wait();
  }
  ::close(out_);
}

bool peer_process::read_some(int milliseconds) {
  pollfd entry{.fd = out_, .events = POLLIN, .revents = 0};
  if (::poll(&entry, 1, milliseconds) <= 0) return false;
  std::array<char, 4096> chunk;
  const auto n = ::read(out_, chunk.data(), chunk.size());
  if (n <= 0) return false;
  output_.append(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

bool peer_process::wait_for_output(const std::string& text, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (output_.find(text) == output_.npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    if (left <= 0 || !read_some(static_cast<int>(left))) return output_.find(text) != output_.npos;
  }
  return true;
}

void peer_process::write(const std::string& text) const {
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(input_, text.data() + done, text.size() - done);
    if (n <= 0) throw std::runtime_error("the peer's input is closed");
    done += static_cast<std::size_t>(n);
  }
}

void peer_process::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

int peer_process::wait() {
  if (status_ >= 0) return status_;
  while (read_some(0)) {
  }
  int status = 0;
  ::waitpid(id_, &status, 0);
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

unsigned short free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  (void)::bind(fd, reinterpret_cast<sockaddr*>(&at), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(fd);
  return ntohs(at.sin_port);
}

}  // namespace sluice::test
