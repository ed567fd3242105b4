// SPDX-License-Identifier: Apache-2.0
#include "sluice/asio/starttls.hpp"

#include "asio/prelude/starttls_protocols.hpp"
#include "core/x509/host_name.hpp"

#include <utility>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

class starttls_prelude final : public prelude {
 public:
  starttls_prelude(starttls_protocol protocol, std::string client_name)
      : protocol_(protocol), client_name_(std::move(client_name)) {}

  net::awaitable<failure> speak(net::ip::tcp::socket& socket) override { return outcome_of(ask(socket)); }

 private:
  net::awaitable<void> ask(net::ip::tcp::socket& socket) const {
    dialogue with(socket);
    switch (protocol_) {
      case starttls_protocol::smtp: co_await ask_smtp(with, client_name_); break;
      case starttls_protocol::imap: co_await ask_imap(with); break;
      case starttls_protocol::ldap: co_await ask_ldap(with); break;
      case starttls_protocol::postgres: co_await ask_postgres(with); break;
    }
    with.expect_silence();
  }

  const starttls_protocol protocol_;
  const std::string client_name_;
};

bool is_known(starttls_protocol protocol) {
  switch (protocol) {
    case starttls_protocol::smtp:
    case starttls_protocol::imap:
    case starttls_protocol::ldap:
    case starttls_protocol::postgres: return true;
  }
  return false;
}

}  // namespace
}  // namespace detail

result<std::shared_ptr<prelude>> starttls(starttls_protocol protocol, starttls_options options) {
  if (!detail::is_known(protocol)) {
    return make_failure(errc::invalid_argument, "starttls_protocol", "it is none of the known protocols",
                        "use one of smtp, imap, ldap and postgres");
  }
  const auto name = internal::check_host_name(options.client_name, "client_name");
  if (!name) return name.error();
  if (name->is_ip) {
    return make_failure(errc::bad_name, "client_name \"" + options.client_name + "\"", "it is an IP address",
                        "leave it empty: EHLO sends the address of the socket then");
  }
  return std::make_shared<detail::starttls_prelude>(protocol, std::move(options.client_name));
}

}  // namespace v0
}  // namespace sluice
