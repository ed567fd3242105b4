// SPDX-License-Identifier: Apache-2.0
// Runs a prelude, with its exceptions made failures.
#pragma once

#include "sluice/asio/prelude.hpp"

#include <exception>
#include <functional>

namespace sluice {
inline namespace v0 {
namespace detail {

// What a prelude threw, as a failure.
failure failure_of(const std::exception_ptr& thrown);

// `done` is called on `serial`, once, never inside this call; a failure without a code: all went well. `speaker` and
// `socket` outlive it.
void run_prelude(const net::any_io_executor& serial, prelude& speaker, net::ip::tcp::socket& socket,
                 std::function<void(failure)> done);

}  // namespace detail
}  // namespace v0
}  // namespace sluice
