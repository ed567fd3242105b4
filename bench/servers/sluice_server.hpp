// SPDX-License-Identifier: Apache-2.0
// What Sluice's two servers of the comparison share: context and acceptor, as a fast server on one thread has them.
#pragma once

#include "common/job.hpp"
#include "common/settings.hpp"

#include "sluice/asio/acceptor.hpp"

#include <boost/asio/io_context.hpp>

namespace bench {

namespace asio = boost::asio;
using asio::ip::tcp;

inline sluice::context make_context(const server_settings& given) {
  sluice::server_options options;
  options.policy = "default_tls13";  // as coal's
  options.identities = {sluice::identity::from_pem_files(given.chain, given.key).value()};
  if (!given.has_tickets) options.tickets.reset();
  if (given.is_mutual) {
    options.client_auth = sluice::client_auth::required;
    options.trust = sluice::trust::from_file(given.anchors).value();
  }
  return sluice::context::server(options).value();
}

// Reports its port.
inline sluice::acceptor make_acceptor(asio::io_context& io, const sluice::context& tls) {
  sluice::acceptor_options options;
  options.per_core = true;
  options.max_handshakes = 4096;
  options.handshake_timeout = std::chrono::minutes(10);  // callgrind is slow
  sluice::acceptor made(io, {asio::ip::address_v4::loopback(), 0}, tls, options);
  report_port(made.local_endpoint().port());
  return made;
}

}  // namespace bench
