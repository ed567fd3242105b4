// SPDX-License-Identifier: Apache-2.0
// The threads that are inside a module. Nobody can end a call that does not return; but when the process ends it must
// not come back, since the module's own objects are destroyed then.
#pragma once

#include <sys/types.h>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The calling thread is inside a module while it lives.
// Made for every call into a module, so it allocates nothing and waits for nobody but the others that enter or leave.
// It must be destroyed on the thread that made it.
class caller {
 public:
  caller() noexcept;
  ~caller();
  caller(const caller&) = delete;
  caller& operator=(const caller&) = delete;

  // At the end of the process: stops the threads that wait inside a module, each where it is, and for good. One that
  // computes there is given a moment to come to a wait, or to leave.
  static void stop_others() noexcept;

 private:
  const pid_t thread_;
  bool is_stopped_ = false;
  caller* before_ = nullptr;
  caller* after_ = nullptr;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
