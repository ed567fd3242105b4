// SPDX-License-Identifier: Apache-2.0
// One connection to a peer of the lab, or from one, and what came of it: by our client or server, or somebody else's.
#pragma once

#include "testkit/peers/case.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice::testkit::peers {

struct outcome {
  std::optional<failure> why;  // nothing: accepted, and the page was read
  std::chrono::nanoseconds took{};
  std::string words;  // of another's client
  bool is_ours = true;
};

// Connects, asks, and reads to the end.
boost::asio::awaitable<outcome> visit(context tls, tcp::endpoint at, std::string server_name,
                                      std::chrono::milliseconds limit);

// Accepts one connection, answers what it asks, and reads to its end: what our server makes of a client.
boost::asio::awaitable<outcome> receive(context tls, std::shared_ptr<tcp::acceptor> door,
                                        std::chrono::milliseconds limit);

struct outside_visit {
  std::string command;  // with {host} {port} {ca} {sni}
  tcp::endpoint at;
  std::string ca_file;
  std::string server_name;
  std::string log_file;  // what it prints
};
// Runs a shell command and waits for it, at most `limit`: then it is ended, and its processes with it. Exit code 0 is
// accepted, any other errc::certificate_rejected. Blocks.
outcome visit_outside(const outside_visit& asked, std::chrono::milliseconds limit);

}  // namespace sluice::testkit::peers
