// SPDX-License-Identifier: Apache-2.0
#include "asio/name_to_look_up.hpp"

#include "core/x509/host_name.hpp"

namespace sluice {
inline namespace v0 {
namespace detail {

result<std::string> name_to_look_up(const std::string& host, const std::string& server_name) {
  if (host.empty()) {
    failure why;
    why.code = make_error_code(errc::bad_name);
    why.where = "host";
    why.detail = "it is empty";
    return why;
  }
  const auto name = internal::check_host_name(host, "host");
  if (!name) return name.error();
  if (const auto other = internal::check_host_name(server_name); !other) return other.error();
  if (!name->is_ip) return host;
  return name->zone.empty() ? name->text : name->text + "%" + name->zone;
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
