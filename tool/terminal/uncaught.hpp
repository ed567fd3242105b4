// SPDX-License-Identifier: Apache-2.0
// How an exception that nothing else has caught is reported, running out of memory included.
#pragma once

namespace sluice::tool {

// Reports the exception in flight on stderr, and returns the exit code for it. Throws nothing: where there is no memory
// left, it reports just that.
int report_exception() noexcept;

// This file also acts before main() begins. An exception that nothing catches (in a destructor, on a thread, in a
// noexcept function) ends the process with such a report and exit code 70, not by a signal. An allocation that fails,
// of `new` or of malloc in the libraries that are linked in, is tried again once, with memory that was set aside for
// it; the second time it ends the process, because libraries do not all survive the failure.

}  // namespace sluice::tool
