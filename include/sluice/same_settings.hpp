// SPDX-License-Identifier: Apache-2.0
// A program must be compiled with the library's settings, as far as they determine the layout of types of Boost and of
// the standard library. With other settings it does not link, and the name of the missing symbol is the setting.
#pragma once

#include <boost/version.hpp>

#include <cstddef>

#define SLUICE_JOIN_AS_THEY_ARE(a, b) a##b
#define SLUICE_JOIN(a, b) SLUICE_JOIN_AS_THEY_ARE(a, b)

// Keeps a table of references in the object file even if nothing refers to it.
#if defined(__has_cpp_attribute) && __has_cpp_attribute(gnu::retain)
#define SLUICE_KEPT [[gnu::used, gnu::retain]]
#else
#define SLUICE_KEPT [[gnu::used]]
#endif

#define SLUICE_BOOST_SETTING SLUICE_JOIN(boost_version_is_, BOOST_VERSION)
#ifdef __GXX_RTTI
#define SLUICE_RTTI_SETTING rtti_is_on
#else
#define SLUICE_RTTI_SETTING rtti_is_off
#endif
#ifdef __cpp_exceptions
#define SLUICE_EXCEPTIONS_SETTING exceptions_are_on
#else
#define SLUICE_EXCEPTIONS_SETTING exceptions_are_off
#endif
#ifdef _GLIBCXX_DEBUG
#define SLUICE_CONTAINERS_SETTING glibcxx_debug_is_on
#elif defined(_LIBCPP_VERSION)
#define SLUICE_CONTAINERS_SETTING standard_library_is_libcxx
#else
#define SLUICE_CONTAINERS_SETTING glibcxx_debug_is_off
#endif
#if defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define SLUICE_STRING_SETTING glibcxx_cxx11_abi_is_off
#else
#define SLUICE_STRING_SETTING glibcxx_cxx11_abi_is_on
#endif

namespace sluice {
inline namespace v0 {
namespace compile_as_the_library {

extern const char SLUICE_BOOST_SETTING;
extern const char SLUICE_RTTI_SETTING;
extern const char SLUICE_EXCEPTIONS_SETTING;
extern const char SLUICE_CONTAINERS_SETTING;
extern const char SLUICE_STRING_SETTING;

SLUICE_KEPT static const char* const core_settings[] = {&SLUICE_BOOST_SETTING, &SLUICE_RTTI_SETTING,
                                                        &SLUICE_EXCEPTIONS_SETTING, &SLUICE_CONTAINERS_SETTING,
                                                        &SLUICE_STRING_SETTING};

}  // namespace compile_as_the_library
}  // namespace v0
}  // namespace sluice
