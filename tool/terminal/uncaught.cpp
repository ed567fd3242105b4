// SPDX-License-Identifier: Apache-2.0
#include "terminal/uncaught.hpp"

#include "terminal/exit_code.hpp"
#include "terminal/failure.hpp"
#include "terminal/screen.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <new>
#include <string_view>
#include <system_error>

namespace sluice::tool {
namespace {

// Straight to the descriptor: printing may need memory.
void say_without_memory(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto n = ::write(STDERR_FILENO, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

int report_out_of_memory() noexcept {
  say_without_memory("sluice: out of memory; allow it more, or have it do less at a time\n");
  return exit_internal;
}

void say(std::string_view text) { screen(stderr).line(fmt::format("sluice: {}", text)); }

// std::thread, and Asio's, report no more than this.
bool is_about_threads(const std::error_code& ec) { return ec == std::errc::resource_unavailable_try_again; }

int report_or_throw() {
  try {
    throw;
  } catch (const error& e) {
    complain(e.why());
    return exit_code_of(e.why());
  } catch (const output_error& e) {
    say(e.what());
    return exit_internal;
  } catch (const std::filesystem::filesystem_error& e) {
    say(fmt::format("{}: {}; check the path and its permissions", e.path1().string(), e.code().message()));
    return exit_usage;
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::not_enough_memory) return report_out_of_memory();
    say(is_about_threads(e.code()) ? fmt::format("a thread cannot be had: {}; see the limits of processes and threads "
                                                 "(ulimit -u, pids.max)",
                                                 e.code().message())
                                   : std::string(e.what()));
    return exit_internal;
  } catch (const std::bad_alloc&) {
    return report_out_of_memory();
  } catch (const std::exception& e) {
    say(fmt::format("internal error: {}; please report it", e.what()));
    return exit_internal;
  }
}

[[noreturn]] void end_here() noexcept {
  if (std::current_exception()) ::_exit(report_exception());
  say_without_memory("sluice: internal error: ended without an exception; please report it\n");
  ::_exit(exit_internal);
}

}  // namespace

int report_exception() noexcept {
  try {
    return report_or_throw();
  } catch (const std::bad_alloc&) {
    return report_out_of_memory();
  } catch (...) {
    return exit_internal;  // nor can stderr be written
  }
}

namespace {

constexpr std::size_t reserve_size = std::size_t{256} * 1024;
std::atomic<void*> reserve{nullptr};

void on_no_memory() {
  if (void* kept = reserve.exchange(nullptr)) return std::free(kept);
  ::_exit(report_out_of_memory());
}

// A size that cannot be meant is still refused.
constexpr std::size_t absurd = std::size_t{1} << 30;

// Ahead of every constructor of a static object, which may need memory, too.
[[gnu::constructor(101)]] void prepare() {
  std::set_terminate(end_here);
  reserve = std::malloc(reserve_size);
  std::set_new_handler(on_no_memory);
}

}  // namespace

}  // namespace sluice::tool

// The linker sends malloc of what is linked in statically here (--wrap): s2n, AWS-LC.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* old, std::size_t size);

void* __wrap_malloc(std::size_t size) {
  void* made = __real_malloc(size);
  if (made != nullptr || size == 0 || size > sluice::tool::absurd) return made;
  sluice::tool::on_no_memory();
  return __real_malloc(size);
}

void* __wrap_calloc(std::size_t count, std::size_t size) {
  void* made = __real_calloc(count, size);
  if (made != nullptr || count == 0 || size == 0 || size > sluice::tool::absurd / count) return made;
  sluice::tool::on_no_memory();
  return __real_calloc(count, size);
}

void* __wrap_realloc(void* old, std::size_t size) {
  void* made = __real_realloc(old, size);
  if (made != nullptr || size == 0 || size > sluice::tool::absurd) return made;
  sluice::tool::on_no_memory();
  return __real_realloc(old, size);
}
}
