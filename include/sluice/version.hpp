// SPDX-License-Identifier: Apache-2.0
// The versions of Sluice and of the engine that it is linked with.
#pragma once

#include <string>

// The version of the headers, for #if. SLUICE_VERSION_STRING is the same as text.
#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1         // see SLUICE_VERSION_MAJOR
#define SLUICE_VERSION_PATCH 0         // see SLUICE_VERSION_MAJOR
#define SLUICE_VERSION_STRING "0.1.0"  // the three numbers, with dots

// All public names are in the inline namespace sluice::v0, so that a program which combines the headers of one ABI with
// the library of another does not link, instead of misbehaving.
namespace sluice {
inline namespace v0 {

// The versions of the parts of this program that are linked, for logs and bug reports.
struct version_info {
  int major, minor, patch;     // of the linked library, not of the headers
  std::string text;            // "0.1.0"
  std::string s2n;             // the s2n-tls-sys crate linked in, "0.3.47"
  std::string aws_lc;          // AWS-LC's own version, "AWS-LC 5.12.0"
  std::string default_policy;  // the dated s2n policy behind "default", "20251014"
};

// Returns the versions. Any thread may call it. It starts the library (library.hpp), because the engine is asked.
version_info version();

}  // namespace v0
}  // namespace sluice
