// SPDX-License-Identifier: Apache-2.0
// One call into s2n.
#pragma once

#include "core/connection_impl.hpp"

namespace sluice::inline v0 {

// Points the connection's callbacks at a transport for its lifetime. What s2n sends meanwhile is gathered in one
// buffer of the thread, so that many records leave in one write; finish() sends it.
class connection::impl::call {
 public:
  call(impl& c, transport& io);
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  ~call();
  void finish() noexcept;

 private:
  void send();

  impl& c_;
  transport& io_;
  bool is_finished_ = false;
};

}  // namespace sluice::inline v0
