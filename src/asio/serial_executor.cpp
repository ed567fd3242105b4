// SPDX-License-Identifier: Apache-2.0
#include "asio/serial_executor.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <optional>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

// Nothing where the executor is of another type.
template <class Executor>
std::optional<bool> runs_here(const net::any_io_executor& any) noexcept {
  const auto* found = any.target<Executor>();
  if (found == nullptr) return {};
  return found->running_in_this_thread();
}

// The strands of which Asio's own executors are the base. A strand over an executor of the program's is not recognised,
// and gets another over it, which costs time and is right all the same.
std::optional<bool> strand_runs_here(const net::any_io_executor& any) noexcept {
  if (const auto here = runs_here<net::strand<net::io_context::executor_type>>(any)) return here;
  if (const auto here = runs_here<net::strand<net::thread_pool::executor_type>>(any)) return here;
  return runs_here<net::strand<net::any_io_executor>>(any);
}

}  // namespace

serial_executor serial_executor::of(const net::any_io_executor& base) {
  return strand_runs_here(base) ? serial_executor(base) : strand_over(base);
}

serial_executor serial_executor::strand_over(const net::any_io_executor& base) {
  return serial_executor(net::make_strand(base));
}

bool serial_executor::may_run_here() const noexcept {
  if (const auto here = strand_runs_here(any_)) return *here;
  return runs_here<net::io_context::executor_type>(any_).value_or(true);
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
