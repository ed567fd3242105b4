// SPDX-License-Identifier: Apache-2.0
#include "asio/name_to_look_up.hpp"

#include "core/base/failure.hpp"
#include "core/x509/host_name.hpp"

namespace sluice {
inline namespace v0 {
namespace detail {

result<std::string> name_to_look_up(const std::string& host, const std::string& server_name) {
  if (host.empty()) return internal::with_usual_remedy(make_failure(errc::bad_name, "host", "it is empty"));
  const auto name = internal::check_host_name(host, "host");
  if (!name) return name.error();
  if (const auto other = internal::check_host_name(server_name); !other) return other.error();
  if (!name->is_ip) return host;
  return name->zone.empty() ? name->text : name->text + "%" + name->zone;
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
