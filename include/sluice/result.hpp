// SPDX-License-Identifier: Apache-2.0
// result<T>: a value or a failure.
#pragma once

#include "sluice/error.hpp"

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace sluice {
inline namespace v0 {

// The return type of all functions that set something up: `if (auto r = …) use(*r); else log(r.error());`, or
// `.value()`, which throws sluice::error. Operations that wait complete with an error_code instead (asio/stream.hpp).
template <class T>
using result = boost::system::result<T, failure>;

// Found by argument-dependent lookup when .value() is called on a result that holds a failure.
[[noreturn]] void throw_exception_from_error(const failure& error, const boost::source_location& at);

}  // namespace v0
}  // namespace sluice
