// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sluice/error.hpp"

#include <boost/system/errc.hpp>

namespace sluice {
inline namespace v0 {
namespace internal {

// A transport has nothing now, or takes nothing now. POSIX has two names for it.
inline bool is_would_block(const error_code& ec) noexcept {
  return ec == boost::system::errc::operation_would_block || ec == boost::system::errc::resource_unavailable_try_again;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
