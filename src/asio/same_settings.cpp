// SPDX-License-Identifier: Apache-2.0
// The settings that the library was compiled with, as symbols for programs to find or to miss.
#include "sluice/asio/detail/same_settings.hpp"

// Asio gives the size of its cache a name in a header of its own, which a program may or may not have met before ours:
// a setting that was not made has two names.
#if !defined(BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING) && !defined(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#include <boost/asio/detail/thread_info_base.hpp>
#define SLUICE_USUAL_RECYCLING SLUICE_JOIN(asio_recycling_cache_size_is_, BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#endif

namespace sluice {
inline namespace v0 {
namespace compile_as_the_library {

const char SLUICE_REACTOR_SETTING = 1;
const char SLUICE_IO_URING_SETTING = 1;
const char SLUICE_EVENTFD_SETTING = 1;
const char SLUICE_TRACKING_SETTING = 1;
const char SLUICE_THREADS_SETTING = 1;
const char SLUICE_BUFFERS_SETTING = 1;
const char SLUICE_RECYCLING_SETTING = 1;
#if defined(SLUICE_USUAL_RECYCLING)
extern const char SLUICE_USUAL_RECYCLING;
const char SLUICE_USUAL_RECYCLING = 1;
#endif
const char SLUICE_EXECUTORS_SETTING = 1;

}  // namespace compile_as_the_library
}  // namespace v0
}  // namespace sluice
