// SPDX-License-Identifier: Apache-2.0
// epoll and the sockets in it.
#pragma once

#include "bare/check.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace bench {

class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { close(); }

  int get() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

// Level-triggered. `owner` comes back with the event.
class poller {
 public:
  poller() : epoll_(check_system(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

  void add(int socket, std::uint32_t events, void* owner) { control(EPOLL_CTL_ADD, socket, events, owner); }
  void change(int socket, std::uint32_t events, void* owner) { control(EPOLL_CTL_MOD, socket, events, owner); }
  std::span<const epoll_event> wait() {
    const int ready = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
    return {events_.data(), ready < 0 ? 0 : static_cast<std::size_t>(ready)};
  }

 private:
  void control(int operation, int socket, std::uint32_t events, void* owner) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.ptr = owner;
    check_system(::epoll_ctl(epoll_.get(), operation, socket, &wanted), "epoll_ctl");
  }

  descriptor epoll_;
  std::array<epoll_event, 512> events_{};
};

}  // namespace bench
