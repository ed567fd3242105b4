// SPDX-License-Identifier: Apache-2.0
// What this process knows of the PINs of one token, and the one place where they are tried, one after the other.
#pragma once

#include "pkcs11/cryptoki.hpp"
#include "pkcs11/runtime.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Tokens count wrong PINs and lock after a few. Two rules follow. One try at a time, in the whole process: a second one
// with the same wrong PIN would cost another try before the first is answered. And no PIN twice that was wrong once. A
// turn has a number; `holder_` is the one that may send. A turn that hangs is taken over, its number goes to `hanging_`
// until its call returns, and meanwhile only a PIN that the token took before is sent: what the hanging call tried is
// not known to be right.
class pin_guard {
 public:
  // The one of that token in this process, whatever the module, the pool or the administrator's session.
  static std::shared_ptr<pin_guard> of(const CK_TOKEN_INFO& token);

  // Its holder may send a PIN; no other thread does meanwhile. One whose holder hangs is taken over after a while.
  class turn {
   public:
    turn(pin_guard& guard, runtime& world, runtime::duration hang_timeout);
    ~turn();
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

   private:
    friend class pin_guard;
    pin_guard& guard_;
    std::uint64_t number_ = 0;
  };

  // A PIN that was called wrong is not sent again; nor one of which nothing is known yet while a try has no answer.
  enum class advice : std::uint8_t { send, known_wrong, unanswered };
  advice ask(std::string_view pin);
  void note(std::string_view pin, bool is_right);

 private:
  using digest = std::array<std::uint8_t, 32>;
  digest digest_of(std::string_view pin) const;

  std::string identity_;
  std::mutex gate_;
  std::uint64_t holder_ = 0;  // 0: nobody
  std::uint64_t last_ = 0;
  runtime::time_point held_since_{};
  std::vector<runtime::event*> waiting_;
  std::set<std::uint64_t> hanging_;  // holders whose turn was taken over
  std::set<digest> wrong_;           // with a key of this process: nobody learns a PIN by what is kept
  std::optional<digest> right_;      // the last that the token took
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
