// SPDX-License-Identifier: Apache-2.0
// Chains that a context has found good, so that they are not parsed again. s2n verifies each of them all the same: what
// is remembered is our own part (core/connection_verify.cpp).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

using der_view = std::span<const std::byte>;

// Of one context, whose trust, policy and allowances never change: they are part of no key. Only good verdicts are
// kept, and only those of handshakes that were completed. Any thread.
//
// A set of four places is chosen by a server's name, or by the end of a client's leaf, which is its authority's
// signature. A leaf has one place at most, and a server's name two: whoever it belongs to puts out no more of others.
class chain_memory {
 public:
  static constexpr std::size_t sets = 64, ways = 4;
  static constexpr std::size_t max_bytes = 8 * 1024;  // a chain; a longer one is not kept

  // What a verdict is about.
  struct subject {
    std::string_view server;  // the name or address that was asked for; empty for a client's chain
    bool is_ip = false;
    bool signs = true;                // what the leaf's key has to do
    std::span<const der_view> chain;  // all of its bytes, in pieces, of which the leaf is the first
  };
  // It holds while `from` <= now <= `until`.
  struct verdict {
    std::chrono::sys_seconds from = std::chrono::sys_seconds::min(), until = std::chrono::sys_seconds::max();
    std::chrono::sys_seconds first_expiry = std::chrono::sys_seconds::max();  // of a certificate of the chain
    bool promises_staple = false;
  };
  // A verdict on its way into the memory.
  struct entry {
    der_view leaf() const noexcept { return der_view(chain).first(leaf_size); }

    std::string server;
    bool is_ip = false;
    bool signs = true;
    std::vector<std::byte> chain;
    std::size_t leaf_size = 0;  // of its first piece
    verdict found;
    std::uint64_t number = 0;  // the lowest of a set is its oldest; 0 is an empty place
  };

  std::optional<verdict> find(const subject& about, std::chrono::sys_seconds now) const;
  // Nothing for a chain that is too long.
  static std::optional<entry> make(const subject& about, const verdict& found);
  void add(entry made);
  std::size_t size() const;

 private:
  static std::size_t set_of(std::string_view server, der_view leaf) noexcept;

  mutable std::mutex gate_;
  std::vector<entry> entries_;  // none before the first is added, then sets * ways
  std::uint64_t last_ = 0;
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
