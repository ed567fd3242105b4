// SPDX-License-Identifier: Apache-2.0
// Why a certificate is not for the name that was asked for, in words.
#pragma once

#include "sluice/certificate.hpp"

#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

struct name_mismatch {
  std::string detail;
  std::string remedy;
};
name_mismatch explain_name(const certificate& leaf, std::string_view wanted, bool is_ip);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
