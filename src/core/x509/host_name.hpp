// SPDX-License-Identifier: Apache-2.0
// What may stand for a server: an A-label host name (RFC 5890) or an IP literal.
#pragma once

#include "sluice/result.hpp"

#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

struct host_name {
  std::string text;  // without a trailing dot; IPv6 without brackets and zone
  bool is_ip = false;
  std::string zone = {};  // of a link-local IPv6 address: "eth0" (RFC 4007 §11); no certificate has one
};

// Empty is fine, and stays empty. errc::bad_name says what is wrong and how to write it instead; `what` is what the
// caller calls the name.
result<host_name> check_host_name(std::string_view name, std::string_view what = "server name");

}  // namespace internal
}  // namespace v0
}  // namespace sluice
