// SPDX-License-Identifier: Apache-2.0
// result<T>: a value, or the failure that stood in its way.
#pragma once

#include "sluice/error.hpp"

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace sluice::inline v0 {

// Returned by everything that sets something up. `if (auto r = …) use(*r); else log(r.error());`, or `.value()`,
// which throws sluice::error. Waiting operations complete with an error_code instead (asio/stream.hpp).
template <class T>
using result = boost::system::result<T, failure>;

// Found by argument-dependent lookup when .value() is asked of a result that holds a failure.
[[noreturn]] void throw_exception_from_error(const failure& why, const boost::source_location& at);

}  // namespace sluice::inline v0
