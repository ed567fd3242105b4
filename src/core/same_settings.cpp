// SPDX-License-Identifier: Apache-2.0
// The settings that the library was compiled with, as symbols for programs to find or to miss.
#include "sluice/same_settings.hpp"

namespace sluice {
inline namespace v0 {
namespace compile_as_the_library {

const char SLUICE_BOOST_SETTING = 1;
const char SLUICE_RTTI_SETTING = 1;
const char SLUICE_EXCEPTIONS_SETTING = 1;
const char SLUICE_CONTAINERS_SETTING = 1;
const char SLUICE_STRING_SETTING = 1;

}  // namespace compile_as_the_library
}  // namespace v0
}  // namespace sluice
