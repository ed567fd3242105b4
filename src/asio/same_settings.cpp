// SPDX-License-Identifier: Apache-2.0
// The settings that the library was compiled with, as symbols for programs to find or to miss.
#include "sluice/asio/detail/same_settings.hpp"

namespace sluice::inline v0::compile_as_the_library {

const char SLUICE_REACTOR_SETTING = 1;
const char SLUICE_IO_URING_SETTING = 1;
const char SLUICE_EVENTFD_SETTING = 1;
const char SLUICE_TRACKING_SETTING = 1;
const char SLUICE_THREADS_SETTING = 1;
const char SLUICE_BUFFERS_SETTING = 1;
const char SLUICE_RECYCLING_SETTING = 1;
const char SLUICE_EXECUTORS_SETTING = 1;

}  // namespace sluice::inline v0::compile_as_the_library
