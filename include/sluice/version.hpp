// SPDX-License-Identifier: Apache-2.0
// Which Sluice this is, and which engine it was linked with.
#pragma once

#include <string>

#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1
#define SLUICE_VERSION_PATCH 0
#define SLUICE_VERSION_STRING "0.1.0"

// Everything public lives in sluice::v0, an inline namespace: a program that mixes headers of one ABI with a
// library of another fails to link instead of misbehaving.
namespace sluice::inline v0 {

struct version_info {
  int major, minor, patch;     // of the linked library, not of the headers
  std::string text;            // "0.1.0"
  std::string s2n;             // the s2n-tls-sys crate linked in, "0.3.47"
  std::string aws_lc;          // AWS-LC's own version, "AWS-LC 5.12.0"
  std::string default_policy;  // the dated s2n policy behind "default", "20251014"
};

// Any thread. Starts the library (library.hpp) if nothing has yet, to ask the engine.
version_info version();

}  // namespace sluice::inline v0
