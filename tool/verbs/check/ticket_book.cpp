// SPDX-License-Identifier: Apache-2.0
#include "verbs/check/ticket_book.hpp"

#include <utility>

namespace sluice::tool {

tickets_given ticket_book::take_count() noexcept { return std::exchange(came_, {}); }

void ticket_book::put(std::string_view, std::span<const std::byte> session, std::chrono::seconds lifetime) {
  ++came_.count;
  came_.lifetime = lifetime;
  if (use_ == use::collect) kept_.emplace_back(session);
}

std::optional<secret> ticket_book::take(std::string_view) {
  if (use_ != use::offer || kept_.empty()) return std::nullopt;
  auto one = std::move(kept_.back());
  kept_.pop_back();
  return one;
}

}  // namespace sluice::tool
