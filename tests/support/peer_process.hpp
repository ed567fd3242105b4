// SPDX-License-Identifier: Apache-2.0
// A program we did not write, as the other end: started, talked to, ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace sluice::test {

class peer_process {
 public:
  explicit peer_process(const std::vector<std::string>& command);
  peer_process(const peer_process&) = delete;
  peer_process& operator=(const peer_process&) = delete;
  ~peer_process();  // ends it, by its own id

  pid_t id() const noexcept { return id_; }
  // Output (stdout and stderr) so far, until it contains `text` or the time is up.
  bool wait_for_output(const std::string& text, std::chrono::seconds limit = std::chrono::seconds(30));
  const std::string& output() const noexcept { return output_; }
  void write(const std::string& text) const;
  void close_input();
  int wait();  // its exit status

 private:
  bool read_some(int milliseconds);
  pid_t id_ = -1;
  int input_ = -1;
  int out_ = -1;
  std::string output_;
  int status_ = -1;
};

// A TCP port of 127.0.0.1 nobody listens on right now.
unsigned short free_port();

}  // namespace sluice::test
