// SPDX-License-Identifier: Apache-2.0
// One connection to a peer of the lab, or from one, and its outcome: by our client or server, or by another program.
#pragma once

#include "testkit/peers/case.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace sluice::testkit::peers {

struct outcome {
  std::optional<failure> error;  // nothing: accepted, and the page was read
  std::chrono::nanoseconds took{};
  std::string words;  // the last line that another client printed
  bool is_ours = true;
};

// Connects, sends a request, and reads to the end.
boost::asio::awaitable<outcome> probe(context tls, tcp::endpoint at, std::string server_name,
                                      std::chrono::milliseconds limit);

// Accepts one connection, answers its request, and reads to its end: our server's verdict on a client.
boost::asio::awaitable<outcome> receive(context tls, std::shared_ptr<tcp::acceptor> door,
                                        std::chrono::milliseconds limit);

struct outside_client {
  std::string command;  // with {host} {port} {ca} {sni}
  tcp::endpoint at;
  std::string ca_file;
  std::string server_name;
  std::string log_file;  // what it prints
};
// Runs a shell command and waits for it, at most `limit`: then it is ended, and its processes with it. Exit code 0 is
// accepted, any other errc::certificate_rejected. Blocks.
outcome run_outside_client(const outside_client& asked, std::chrono::milliseconds limit);

}  // namespace sluice::testkit::peers
