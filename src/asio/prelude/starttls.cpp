// SPDX-License-Identifier: Apache-2.0
#include "asio/prelude/starttls.hpp"

#include "terminal/failure.hpp"

#include <algorithm>
#include <array>

namespace sluice::tool {

const starttls_protocol& starttls_protocol_of(std::string_view name) {
  // 25 is where mail servers meet; submission, on 587, is asked for with its port.
  static constexpr std::array known = {
      starttls_protocol{"smtp", "25", ask_smtp}, starttls_protocol{"imap", "143", ask_imap},
      starttls_protocol{"postgres", "5432", ask_postgres}, starttls_protocol{"ldap", "389", ask_ldap}};
  const auto found = std::ranges::find(known, name, &starttls_protocol::name);
  if (found != known.end()) return *found;
  give_up(errc::invalid_argument, "--starttls", "\"" + std::string(name) + "\" is not a protocol it knows",
          "write smtp, imap, postgres or ldap");
}

}  // namespace sluice::tool
