// SPDX-License-Identifier: Apache-2.0
// A case of the lab: a peer that is wrong in one way, or right, and the verdict that a client, or a server, must give.
#pragma once

#include "sluice/context.hpp"
#include "sluice/error.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit::peers {

class world;

using tcp = boost::asio::ip::tcp;
using server_function = std::function<boost::asio::awaitable<void>(tcp::socket)>;
using client_function = std::function<boost::asio::awaitable<void>(tcp::socket)>;

// A server, and how our client connects to it; or a client, and how our server receives it.
struct peer {
  server_function serve;                                 // one connection, to its end
  std::string server_name = "localhost";                 // the name the certificate must be for: {sni}
  std::string ca;                                        // PEM the client trusts, {ca}; empty: the lab's root
  std::function<void(client_options&)> adapt = nullptr;  // how our client differs from its defaults
  int connections = 1;                                   // one after another; each gets the verdict
  bool times_out = false;  // the verdict comes with the time limit: neither before it nor much later
  // Not empty: the peer is a client, already connected here, and a server is judged; this is how ours is made.
  client_function come = nullptr;
  std::optional<server_options> host = std::nullopt;
};

struct lab_case {
  std::string name;
  std::string group;                   // "certificates", "protocol", "behaviour", "tokens" or "clients"
  std::optional<errc> expect;          // nothing: accepted
  std::optional<sluice::origin> from;  // the side that notices: we, or the peer by its alert
  std::string about;                   // what is wrong with it, in a few words
  std::string note;                    // "s2n" where its own verdict is stricter or laxer than the rest of the world's
  peer (*make)(world&, int);           // not called before the case is wanted
  int argument = 0;                    // for rows that differ in a number
  std::string unavailable;             // not empty: what brings it
};

// A case without fault.
inline lab_case accepted(const char* group, const char* name, const char* about, peer (*make)(world&, int)) {
  return {name, group, {}, {}, about, "", make};
}

// "accepted", or the name of the errc.
std::string_view verdict_name(const std::optional<errc>& verdict) noexcept;

const std::vector<lab_case>& cases();

// The tables.
std::vector<lab_case> certificate_cases();
std::vector<lab_case> name_cases();
std::vector<lab_case> key_cases();
std::vector<lab_case> ocsp_cases();
std::vector<lab_case> protocol_cases();
std::vector<lab_case> behaviour_cases();
std::vector<lab_case> late_cases();
std::vector<lab_case> token_cases();
std::vector<lab_case> client_cases();

// The group in which the peers are clients: no other client can be sent to them.
constexpr std::string_view clients_group = "clients";

// The cases of these names, and of groups of these names, in the tables' order; all when there are none. Throws
// errc::invalid_argument for a name that is neither.
std::vector<lab_case> select_cases(const std::vector<std::string>& names);

}  // namespace sluice::testkit::peers
