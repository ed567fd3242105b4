// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/callers.hpp"

#include "pkcs11/immortal.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <thread>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// Linked through the callers themselves: a call must not need memory.
struct all_callers {
  std::mutex gate;
  caller* first = nullptr;
};

all_callers& all() { return of_this_process<all_callers>(); }

constexpr auto timeout = std::chrono::milliseconds(200);
std::atomic<unsigned> stopped = 0;

// On the stopped thread, in the middle of the module: nothing but what a signal handler may call, and no way back.
void stop_here(int) {
  ++stopped;
  for (;;) ::pause();
}

// A signal that means nothing to this program; 0: none is left.
int install_signal() noexcept {
  // From the top, since programs that use real-time signals begin with SIGRTMIN, as a rule.
  for (int number = SIGRTMAX; number >= SIGRTMIN; --number) {
    struct sigaction now {};
    const bool is_free =
        ::sigaction(number, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_DFL;
    if (!is_free) continue;
    struct sigaction ours {};
    ours.sa_handler = stop_here;
    ours.sa_flags = SA_ONSTACK;
    ::sigfillset(&ours.sa_mask);
    if (::sigaction(number, &ours, nullptr) == 0) return number;
  }
  return 0;
}

// In the kernel, where no thread holds a lock of the allocator's: others must be able to go on without it. Where the
// system does not report it, a thread that has not come back in all that time is taken to wait.
bool is_waiting(pid_t thread) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/task/%d/stat", static_cast<int>(thread));
  const int fd = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  std::array<char, 512> text{};
  const auto n = ::read(fd, text.data(), text.size());
  ::close(fd);
  const std::string_view stat(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  const auto name_ends = stat.rfind(") ");  // a thread's name may hold anything
  return name_ends == stat.npos || stat.substr(name_ends + 2, 1) == "S";
}

void sleep_a_little() noexcept { ::usleep(1000); }

bool stop(pid_t thread, int number, std::chrono::steady_clock::time_point end) noexcept {
  // Counted, not assumed: a thread may have blocked every signal, and is then still running.
  const auto before = stopped.load();
  if (::syscall(SYS_tgkill, ::getpid(), thread, number) != 0) return false;
  while (stopped.load() == before && std::chrono::steady_clock::now() < end) sleep_a_little();
  return stopped.load() != before;  // else it has blocked the signal
}

}  // namespace

caller::caller() noexcept : thread_(static_cast<pid_t>(::syscall(SYS_gettid))) {
  auto& callers = all();
  const std::lock_guard lock(callers.gate);
  after_ = callers.first;
  if (after_ != nullptr) after_->before_ = this;
  callers.first = this;
}

caller::~caller() {
  auto& callers = all();
  const std::lock_guard lock(callers.gate);
  (before_ != nullptr ? before_->after_ : callers.first) = after_;
  if (after_ != nullptr) after_->before_ = before_;
}

// A thread is stopped only while it waits in the kernel: one that computes may hold the lock of the allocator, which
// the end of the process needs. The lock of the list is given back between rounds, so that a thread which returns from
// its call can leave the list, and is left alone.
void caller::stop_others() noexcept {
  auto& callers = all();
  const auto me = static_cast<pid_t>(::syscall(SYS_gettid));
  const auto end = std::chrono::steady_clock::now() + timeout;
  int number = 0;
  for (bool again = true; again;) {
    again = false;
    {
      const std::lock_guard lock(callers.gate);
      for (auto* one = callers.first; one != nullptr; one = one->after_) {
        if (one->is_stopped_ || one->thread_ == me) continue;
        if (number == 0) number = install_signal();
        if (number == 0) return;
        one->is_stopped_ = is_waiting(one->thread_) && stop(one->thread_, number, end);
        again = again || !one->is_stopped_;
      }
    }
    if (again && std::chrono::steady_clock::now() >= end) return;
    if (again) sleep_a_little();
  }
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
