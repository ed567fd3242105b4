// SPDX-License-Identifier: Apache-2.0
// Loaded into a server with LD_PRELOAD: counts its calls of the system's socket functions, in a file that the script
// reads. A program that makes system calls without libc (Go) is not seen.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

// In this order in the file; bench/lib/calls.py has the names.
enum call { received, received_nothing, sent, waited, changed_epoll, accepted, accepted_none, set_timer, calls };
using counters = std::array<std::atomic<std::uint64_t>, calls>;

// The file $SLUICE_BENCH_CALLS, as memory; without it, memory that nobody reads.
counters& shared() {
  static counters* const mapped = [] {
    static counters unread{};
    const char* path = std::getenv("SLUICE_BENCH_CALLS");
    const int file = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return &unread;
    void* const at = ::mmap(nullptr, sizeof(counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return at == MAP_FAILED ? &unread : static_cast<counters*>(at);
  }();
  return *mapped;
}

template <class Result>
Result count(Result result, call kind, call without_result = calls) {
  shared()[kind].fetch_add(1, std::memory_order_relaxed);
  if (result < 0 && without_result != calls) shared()[without_result].fetch_add(1, std::memory_order_relaxed);
  return result;
}

// What the function would be without this library.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t recv(int fd, void* buffer, size_t size, int flags) {
  static auto* const real = next<decltype(recv)>("recv");
  return count(real(fd, buffer, size, flags), received, received_nothing);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const real = next<decltype(recvmsg)>("recvmsg");
  return count(real(fd, message, flags), received, received_nothing);
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  static auto* const real = next<decltype(send)>("send");
  return count(real(fd, data, size, flags), sent);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const real = next<decltype(sendmsg)>("sendmsg");
  return count(real(fd, message, flags), sent);
}

ssize_t writev(int fd, const iovec* data, int size) {
  static auto* const real = next<decltype(writev)>("writev");
  return count(real(fd, data, size), sent);
}

int epoll_wait(int fd, epoll_event* events, int size, int timeout) {
  static auto* const real = next<decltype(epoll_wait)>("epoll_wait");
  return count(real(fd, events, size, timeout), waited);
}

int epoll_ctl(int fd, int operation, int socket, epoll_event* event) {
  static auto* const real = next<decltype(epoll_ctl)>("epoll_ctl");
  return count(real(fd, operation, socket, event), changed_epoll);
}

int accept(int fd, sockaddr* address, socklen_t* size) {
  static auto* const real = next<decltype(accept)>("accept");
  return count(real(fd, address, size), accepted, accepted_none);
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = next<decltype(accept4)>("accept4");
  return count(real(fd, address, size, flags), accepted, accepted_none);
}

int timerfd_settime(int fd, int flags, const itimerspec* at, itimerspec* before) {
  static auto* const real = next<decltype(timerfd_settime)>("timerfd_settime");
  return count(real(fd, flags, at, before), set_timer);
}
}
