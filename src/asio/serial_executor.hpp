// SPDX-License-Identifier: Apache-2.0
// An executor that runs one function at a time, which everything with several events needs.
#pragma once

#include "sluice/asio/net.hpp"

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

class serial_executor {
 public:
  // `base` itself if it is a strand, else a strand over it.
  static serial_executor of(const net::any_io_executor& base);
  // A new strand, whatever `base` is.
  static serial_executor strand_over(const net::any_io_executor& base);
  // `base` itself, because the program has promised that it runs one function at a time.
  static serial_executor promised(net::any_io_executor base) { return serial_executor(std::move(base)); }

  const net::any_io_executor& any() const noexcept { return any_; }
  // For assertions: false only if this thread certainly runs no function of the executor.
  bool may_run_here() const noexcept;

 private:
  explicit serial_executor(net::any_io_executor any) noexcept : any_(std::move(any)) {}
  net::any_io_executor any_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
