// SPDX-License-Identifier: Apache-2.0
// The protocols of starttls(): each function completes when the server has agreed to begin TLS, and throws otherwise.
#pragma once

#include "asio/prelude/dialogue.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace sluice {
inline namespace v0 {
namespace detail {

// `client_name` is EHLO's; empty: the socket's address.
net::awaitable<void> ask_smtp(dialogue& with, const std::string& client_name);  // RFC 3207
net::awaitable<void> ask_imap(dialogue& with);                                  // RFC 9051 §6.2.1
net::awaitable<void> ask_ldap(dialogue& with);                                  // RFC 4511 §4.14
net::awaitable<void> ask_postgres(dialogue& with);                              // PostgreSQL's SSLRequest

}  // namespace detail
}  // namespace v0
}  // namespace sluice
