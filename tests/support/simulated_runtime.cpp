// SPDX-License-Identifier: Apache-2.0
#include "support/simulated_runtime.hpp"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::test {
namespace {

constexpr std::size_t stack_size = 256 * 1024;

// Kept from one runtime to the next: a test makes thousands.
std::vector<std::unique_ptr<std::byte[]>>& spare_stacks() {
  using stacks = std::vector<std::unique_ptr<std::byte[]>>;
  // Never destroyed: a call that hangs for good leaves its stack here, and what that refers to is not lost.
  static auto* const all = std::make_unique<stacks>().release();
  return *all;
}

}  // namespace

struct simulated_runtime::thread {
  ucontext_t context{};
  std::unique_ptr<std::byte[]> stack;  // none: the test's own
  std::function<void()> body;
  time_point wakes_at = never;
  bool is_ready = false;
  bool waits_for_event = false;
  bool is_over = false;
  simulated_runtime* owner = nullptr;
#ifdef __SANITIZE_ADDRESS__
  void* fake_stack = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
#endif
#ifdef __SANITIZE_THREAD__
  void* fiber = nullptr;
#endif
};

namespace {
simulated_runtime* beginning = nullptr;  // whose thread begins now
}

// Waiting threads in the order they came.
class simulated_event final : public pkcs11::runtime::event {
 public:
  explicit simulated_event(simulated_runtime& world) : world_(world) {}
  void wait(std::unique_lock<std::mutex>& lock, pkcs11::runtime::time_point until) override {
    auto* const me = world_.running_;
    waiting_.push_back(me);
    lock.unlock();
    me->waits_for_event = true;
    world_.block(until);
    me->waits_for_event = false;
    std::erase(waiting_, me);
    lock.lock();
  }
  void notify_one() noexcept override {
    if (!waiting_.empty()) wake(waiting_.front());
  }
  void notify_all() noexcept override {
    while (!waiting_.empty()) wake(waiting_.front());
  }

 private:
  void wake(simulated_runtime::thread* one) {
    std::erase(waiting_, one);
    ++world_.wake_ups_;
    world_.make_ready(*one);
  }
  simulated_runtime& world_;
  std::vector<simulated_runtime::thread*> waiting_;
};

simulated_runtime::simulated_runtime(std::uint32_t seed) : random_(seed) {
  all_.push_back(std::make_unique<thread>());
  main_ = running_ = all_.front().get();
#ifdef __SANITIZE_THREAD__
  main_->fiber = __tsan_get_current_fiber();
#endif
}

simulated_runtime::~simulated_runtime() {
  for (auto& one : all_) {
    if (one->stack) spare_stacks().push_back(std::move(one->stack));
#ifdef __SANITIZE_THREAD__
    if (one.get() != main_) __tsan_destroy_fiber(one->fiber);
#endif
  }
}

std::unique_ptr<pkcs11::runtime::event> simulated_runtime::make_event() {
  return std::make_unique<simulated_event>(*this);
}

const void* simulated_runtime::this_thread() const noexcept { return running_; }

bool simulated_runtime::start(std::function<void()> body) noexcept {
  if (refuses_threads) return false;
  auto made = std::make_unique<thread>();
  auto& spare = spare_stacks();
  if (spare.empty()) {
    made->stack = std::make_unique_for_overwrite<std::byte[]>(stack_size);
  } else {
    made->stack = std::move(spare.back());
    spare.pop_back();
  }
  made->body = std::move(body);
  made->owner = this;
  ::getcontext(&made->context);
  made->context.uc_stack.ss_sp = made->stack.get();
  made->context.uc_stack.ss_size = stack_size;
  made->context.uc_link = nullptr;
  ::makecontext(&made->context, &simulated_runtime::begin, 0);
#ifdef __SANITIZE_ADDRESS__
  made->bottom = made->stack.get();
  made->size = stack_size;
#endif
#ifdef __SANITIZE_THREAD__
  made->fiber = __tsan_create_fiber(0);
#endif
  ++alive_;
  make_ready(*made);
  all_.push_back(std::move(made));
  return true;
}

void simulated_runtime::begin() {
  auto& world = *beginning;
#ifdef __SANITIZE_ADDRESS__
  const bool is_first = world.main_->bottom == nullptr;  // the test's own stack was left for it
  __sanitizer_finish_switch_fiber(nullptr, is_first ? &world.main_->bottom : nullptr,
                                  is_first ? &world.main_->size : nullptr);
#endif
  {
    const auto body = std::move(world.running_->body);
    body();
  }
  world.end_of_thread();
}

void simulated_runtime::end_of_thread() {
  --alive_;
  running_->is_over = true;
  go_on();
  std::abort();  // nobody comes back here
}

void simulated_runtime::make_ready(thread& one) {
  if (std::exchange(one.is_ready, true)) return;
  one.wakes_at = never;
  ready_.push_back(&one);
}

void simulated_runtime::wake_for_no_reason() {
  for (auto& one : all_) {
    if (one->waits_for_event) make_ready(*one);
  }
}

void simulated_runtime::block(time_point until) {
  running_->is_ready = false;
  running_->wakes_at = until;
  go_on();
}

// Picks who runs next, which may be the one that asks.
void simulated_runtime::go_on() {
  if (main_waits_for_ != nullptr && !main_->is_ready && (*main_waits_for_)()) make_ready(*main_);
  while (ready_.empty()) {
    auto first = never;
    for (const auto& one : all_) {
      if (!one->is_over) first = std::min(first, one->wakes_at);
    }
    if (first == never) {
      std::fprintf(stderr, "simulated_runtime: everybody waits, and nobody will come\n");
      std::abort();
    }
    now_ = std::max(now_, first);
    for (const auto& one : all_) {
      if (!one->is_over && one->wakes_at <= now_) make_ready(*one);
    }
  }
  const auto place = ready_.begin() + static_cast<std::ptrdiff_t>(random_() % ready_.size());
  auto* const next = *place;
  ready_.erase(place);
  if (next != running_) switch_to(*next);
}

void simulated_runtime::switch_to(thread& next) {
  auto& before = *std::exchange(running_, &next);
  beginning = this;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(before.is_over ? nullptr : &before.fake_stack, next.bottom, next.size);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(next.fiber, 0);
#endif
  ::swapcontext(&before.context, &next.context);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(running_->fake_stack, nullptr, nullptr);
#endif
  std::erase_if(all_, [this](const auto& one) {  // now that nobody stands on their stacks
    if (!one->is_over || one.get() == running_) return false;
    spare_stacks().push_back(std::move(one->stack));
#ifdef __SANITIZE_THREAD__
    __tsan_destroy_fiber(one->fiber);
#endif
    return true;
  });
}

void simulated_runtime::sleep_until(time_point when) {
  if (when > now_) block(when);
}

bool simulated_runtime::run_until(const std::function<bool()>& is_true, duration at_most) {
  const auto end = now_ + at_most;
  while (!is_true() && now_ < end) {
    main_waits_for_ = &is_true;
    block(end);
    main_waits_for_ = nullptr;
  }
  return is_true();
}

}  // namespace sluice::test
