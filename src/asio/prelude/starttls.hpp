// SPDX-License-Identifier: Apache-2.0
// The protocols that begin in the clear and turn to TLS on request.
#pragma once

#include "asio/prelude/dialogue.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>

namespace sluice::tool {

// One of them: TLS may begin when `ask` has come to its end; it throws where the server has none.
struct starttls_protocol {
  std::string_view name;
  std::string_view port;  // where the command line gives none
  boost::asio::awaitable<void> (*ask)(dialogue&);
};

// Gives up, naming the ones there are, for a name that is none of them.
const starttls_protocol& starttls_protocol_of(std::string_view name);

boost::asio::awaitable<void> ask_smtp(dialogue& with);      // RFC 3207
boost::asio::awaitable<void> ask_imap(dialogue& with);      // RFC 9051 §6.2.1
boost::asio::awaitable<void> ask_postgres(dialogue& with);  // PostgreSQL's SSLRequest
boost::asio::awaitable<void> ask_ldap(dialogue& with);      // RFC 4511 §4.14

}  // namespace sluice::tool
