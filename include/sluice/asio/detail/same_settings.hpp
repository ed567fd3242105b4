// SPDX-License-Identifier: Apache-2.0
// The same as sluice/same_settings.hpp, for the settings of Asio.
#pragma once

#include "sluice/same_settings.hpp"

#include <boost/asio/detail/config.hpp>

#if defined(BOOST_ASIO_HAS_IO_URING_AS_DEFAULT)
#define SLUICE_REACTOR_SETTING asio_waits_by_io_uring
#elif defined(BOOST_ASIO_HAS_EPOLL)
#define SLUICE_REACTOR_SETTING asio_waits_by_epoll
#else
#define SLUICE_REACTOR_SETTING asio_waits_by_neither_epoll_nor_io_uring
#endif
#if defined(BOOST_ASIO_HAS_IO_URING)
#define SLUICE_IO_URING_SETTING asio_io_uring_is_on
#else
#define SLUICE_IO_URING_SETTING asio_io_uring_is_off
#endif
#if defined(BOOST_ASIO_HAS_EVENTFD) && defined(BOOST_ASIO_HAS_TIMERFD)
#define SLUICE_EVENTFD_SETTING asio_eventfd_and_timerfd_are_on
#else
#define SLUICE_EVENTFD_SETTING asio_eventfd_and_timerfd_are_not_both_on
#endif
#if defined(BOOST_ASIO_ENABLE_HANDLER_TRACKING) || defined(BOOST_ASIO_CUSTOM_HANDLER_TRACKING)
#define SLUICE_TRACKING_SETTING asio_handler_tracking_is_on
#else
#define SLUICE_TRACKING_SETTING asio_handler_tracking_is_off
#endif
#if defined(BOOST_ASIO_HAS_THREADS)
#define SLUICE_THREADS_SETTING asio_threads_are_on
#else
#define SLUICE_THREADS_SETTING asio_threads_are_off
#endif
#if defined(BOOST_ASIO_ENABLE_BUFFER_DEBUGGING)
#define SLUICE_BUFFERS_SETTING asio_buffer_debugging_is_on
#else
#define SLUICE_BUFFERS_SETTING asio_buffer_debugging_is_off
#endif
#if defined(BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
#define SLUICE_RECYCLING_SETTING asio_small_block_recycling_is_off
#elif defined(BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#define SLUICE_RECYCLING_SETTING SLUICE_JOIN(asio_recycling_cache_size_is_, BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE)
#else
#define SLUICE_RECYCLING_SETTING asio_small_block_recycling_is_usual
#endif
#if defined(BOOST_ASIO_NO_TS_EXECUTORS)
#define SLUICE_EXECUTORS_SETTING asio_ts_executors_are_off
#elif defined(BOOST_ASIO_USE_TS_EXECUTOR_AS_DEFAULT)
#define SLUICE_EXECUTORS_SETTING asio_ts_executors_are_the_default
#else
#define SLUICE_EXECUTORS_SETTING asio_ts_executors_are_on
#endif

namespace sluice {
inline namespace v0 {
namespace compile_as_the_library {

extern const char SLUICE_REACTOR_SETTING;
extern const char SLUICE_IO_URING_SETTING;
extern const char SLUICE_EVENTFD_SETTING;
extern const char SLUICE_TRACKING_SETTING;
extern const char SLUICE_THREADS_SETTING;
extern const char SLUICE_BUFFERS_SETTING;
extern const char SLUICE_RECYCLING_SETTING;
extern const char SLUICE_EXECUTORS_SETTING;

SLUICE_KEPT static const char* const asio_settings[] = {
    &SLUICE_REACTOR_SETTING, &SLUICE_IO_URING_SETTING, &SLUICE_EVENTFD_SETTING,   &SLUICE_TRACKING_SETTING,
    &SLUICE_THREADS_SETTING, &SLUICE_BUFFERS_SETTING,  &SLUICE_RECYCLING_SETTING, &SLUICE_EXECUTORS_SETTING};

}  // namespace compile_as_the_library
}  // namespace v0
}  // namespace sluice
