// SPDX-License-Identifier: Apache-2.0
// `check --resume`: do all addresses of a name take the tickets that one of them gives?
#pragma once

#include "verbs/check/ticket_book.hpp"
#include "client/plan.hpp"
#include "client/json.hpp"
#include "terminal/screen.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct fleet_member {
  std::string address;  // "127.0.0.1:443"
  bool is_asked = false;  // with a ticket; false: there was none to ask with
  bool accepts = false;
  std::optional<failure> why;  // it was not reached, or broke off
};

struct fleet {
  std::string origin;  // whose tickets they are; empty where nobody answered
  std::vector<fleet_member> members;
  bool may_give_more = false;  // it was given up while tickets could still come

  bool gives_tickets() const;
  bool is_split() const;  // some accept and some refuse, though all were reached
};

// As one writes them, each once. Throws sluice::error for what is not an address.
std::vector<std::string> parse_addresses(const std::vector<std::string>& given);
// All that the name stands for; empty where it cannot be looked up. `plan` outlives it.
boost::asio::awaitable<std::vector<std::string>> look_up(const client_plan& plan);

// `first` was made with `book`, which holds what its server gave. A new ticket for each: one is for one use
// (RFC 8446 §C.4). What is passed by reference outlives it.
boost::asio::awaitable<fleet> ask_fleet(const client_verb_options& options, const client_plan& plan,
                                        const connection_report& first, ticket_book& book,
                                        std::vector<std::string> addresses);

json::array describe(const fleet& asked);  // "addresses" of the contract
// One sentence about all of them; how it is painted is for `is_split`.
std::string fleet_words(const fleet& asked);
void print_fleet(const fleet& asked, const screen& to);

}  // namespace sluice::tool
