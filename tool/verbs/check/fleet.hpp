// SPDX-License-Identifier: Apache-2.0
// `check --resume`: do all addresses of a name accept the tickets that one of them gives?
#pragma once

#include "verbs/check/ticket_book.hpp"
#include "client/json.hpp"
#include "client/plan.hpp"
#include "terminal/screen.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct fleet_member {
  std::string address;      // "127.0.0.1:443"
  bool is_offered = false;  // a ticket; false: there was none to offer
  bool accepts = false;
  std::optional<failure> error;  // it was not reached, or broke off
};

struct fleet {
  std::string origin;  // the address that gave the tickets; empty where no handshake was done
  std::vector<fleet_member> members;
  bool may_give_more = false;  // the wait for its tickets timed out

  bool gives_tickets() const;
  bool is_split() const;  // some accept and some refuse, though all were reached
};

// As one writes them, each once. Throws sluice::error for what is not an address.
std::vector<std::string> parse_addresses(const std::vector<std::string>& given);
// All that the name stands for; empty where it cannot be looked up. `plan` outlives it.
boost::asio::awaitable<std::vector<std::string>> look_up(const client_plan& plan);

// `first` was made with `book`, which holds what its server gave. A new ticket for each: one is for one use
// (RFC 8446 §C.4). What is passed by reference outlives it.
boost::asio::awaitable<fleet> probe_fleet(const client_plan& plan, const connection_report& first, ticket_book& book,
                                          std::vector<std::string> addresses);

json::array describe(const fleet& probed);  // "addresses" of the contract
// One sentence about all of them; how it is painted is for `is_split`.
std::string fleet_words(const fleet& probed);
void print_fleet(const fleet& probed, const screen& to);

}  // namespace sluice::tool
