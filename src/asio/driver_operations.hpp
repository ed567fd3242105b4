// SPDX-License-Identifier: Apache-2.0
// The handlers of the driver's posts and timers: each carries the user's handler through one of them, and makes a step.
#pragma once

#include "asio/completion.hpp"
#include "asio/driver.hpp"

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {

struct driver::posted_read : carried<driver, operation_handler> {
  void operator()(error_code = {}) {
    turn mine(self->gate_, turn_gate::step);
    self->read_step(mine, std::move(handler), begun::before);
  }
};

struct driver::posted_write : carried<driver, operation_handler> {
  void operator()(error_code = {}) {
    turn mine(self->gate_, turn_gate::step);
    self->write_drained(mine, std::move(handler), 0);
  }
};

struct driver::posted_bounded : carried<driver, operation_handler> {
  void operator()(error_code = {}) {
    turn mine(self->gate_, turn_gate::step);
    self->check_serial();
    self->bounded_step(mine, std::move(handler), begun::before);
  }
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
