// SPDX-License-Identifier: Apache-2.0
// Keeps the tickets that one server gives, and offers them only in its `offer` use.
#pragma once

#include "client/report.hpp"

#include "sluice/session.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace sluice::tool {

// One thread. All tickets must be of one server: names are not looked at.
class ticket_book final : public session_store {
 public:
  enum class use { collect, offer, ignore };  // what comes is kept; what is kept is offered; neither
  void turn_to(use now) noexcept { use_ = now; }

  bool has_any() const noexcept { return !kept_.empty(); }
  tickets_given take_count() noexcept;  // of those that came since it was last asked, kept or not

  void put(std::string_view, std::span<const std::byte> session, std::chrono::seconds lifetime) override;
  std::optional<secret> take(std::string_view) override;

 private:
  use use_ = use::collect;
  std::vector<secret> kept_;
  tickets_given came_;
};

}  // namespace sluice::tool
