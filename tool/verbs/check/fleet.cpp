// SPDX-License-Identifier: Apache-2.0
#include "verbs/check/fleet.hpp"

#include "client/probe.hpp"
#include "terminal/failure.hpp"
#include "terminal/table.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

asio::ip::address address_from(const std::string& text) {
  error_code ec;
  const auto parsed = asio::ip::make_address(text, ec);
  if (ec) {
    give_up(errc::invalid_argument, "--address", "\"" + text + "\" is not an IP address",
            "write it without a port, for example 192.0.2.7 or 2001:db8::7");
  }
  return parsed;
}

std::string with_port(const std::string& address, const std::string& port) {
  return target{.host = address, .port = port}.text();
}

void add_once(std::vector<std::string>& to, std::string address) {
  if (std::ranges::find(to, address) == to.end()) to.push_back(std::move(address));
}

std::string joined(const std::vector<fleet_member>& members, bool accepting) {
  std::string text;
  for (const auto& one : members) {
    if (one.accepts != accepting || one.error) continue;
    text += (text.empty() ? "" : ", ") + one.address;
  }
  return text;
}

std::size_t count(const std::vector<fleet_member>& members, bool (*what)(const fleet_member&)) {
  return static_cast<std::size_t>(std::ranges::count_if(members, what));
}

}  // namespace

bool fleet::gives_tickets() const { return std::ranges::any_of(members, &fleet_member::is_offered); }

bool fleet::is_split() const {
  return count(members, [](const auto& m) { return m.accepts; }) > 0 &&
         count(members, [](const auto& m) { return m.is_offered && !m.accepts && !m.error; }) > 0;
}

std::vector<std::string> parse_addresses(const std::vector<std::string>& given) {
  std::vector<std::string> made;
  for (const auto& one : given) add_once(made, address_from(one).to_string());
  return made;
}

asio::awaitable<std::vector<std::string>> look_up(const client_plan& plan) {
  std::vector<std::string> made;
  asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
  const auto token = asio::as_tuple(asio::use_awaitable);
  auto [ec, found] = co_await resolver.async_resolve(plan.to.host, plan.to.port, token);
  for (const auto& one : found) add_once(made, one.endpoint().address().to_string());
  co_return made;
}

asio::awaitable<fleet> probe_fleet(const client_plan& plan, const connection_report& first, ticket_book& book,
                                   std::vector<std::string> addresses) {
  fleet made;
  if (!first.address || !first.info) co_return made;
  made.origin = to_text(*first.address);
  auto to_origin = plan;
  to_origin.address = first.address->address().to_string();
  for (const auto& address : addresses) {
    fleet_member one;
    one.address = with_port(address, plan.to.port);
    if (!book.has_any()) {
      book.turn_to(ticket_book::use::collect);
      const auto again = co_await probe(to_origin);
      made.may_give_more = again.may_send_more;
    }
    one.is_offered = book.has_any();
    book.turn_to(ticket_book::use::offer);
    auto there = plan;
    there.address = address;
    const auto seen = co_await probe(there);
    one.accepts = seen.info && seen.info->resumed;
    if (!seen.info) one.error = seen.error;
    made.members.push_back(std::move(one));
  }
  book.turn_to(ticket_book::use::ignore);
  co_return made;
}

json::array describe(const fleet& probed) {
  json::array made;
  for (const auto& one : probed.members)
    made.push_back(json::object{{"address", one.address}, {"accepted", one.accepts}});
  return made;
}

std::string fleet_words(const fleet& probed) {
  const auto& all = probed.members;
  if (!probed.gives_tickets() && probed.may_give_more) {
    return "whether it gives tickets is not known: none came, and the server has not ended the connection";
  }
  if (!probed.gives_tickets()) return "it gives no tickets: sessions cannot be resumed";
  if (probed.is_split()) {
    return fmt::format(
        "its ticket keys differ: tickets of {} are accepted by {}, and not by {}; give all its servers the same ticket "
        "keys",
        probed.origin, joined(all, true), joined(all, false));
  }
  const auto accepting = count(all, [](const auto& m) { return m.accepts; });
  const auto failed = count(all, [](const auto& m) { return m.error.has_value(); });
  if (accepting == 0) return "its tickets are accepted nowhere, not even by the server that gave them";
  auto text = all.size() == 1
                  ? std::string("its tickets are accepted")
                  : fmt::format("its tickets are accepted by {} of its {} addresses", accepting, all.size());
  if (failed > 0) text += fmt::format("; {} could not be asked", failed);
  return text;
}

void print_fleet(const fleet& probed, const screen& to) {
  if (probed.members.empty()) return;
  const auto meaning = probed.is_split() ? tone::warning : tone::plain;
  to.line("  " + to.paint(tone::quiet, "tickets of " + probed.origin));
  table rows({{""}, {""}, {""}});
  for (const auto& one : probed.members) {
    const auto mark = std::string(one.accepts ? to.tick() : to.cross());
    std::string words = one.accepts ? "resumed" : "a full handshake: it did not accept the ticket";
    if (!one.is_offered) words = "there was no ticket to offer";
    if (one.error) words = one.error->code.message();
    rows.add({{mark, one.accepts ? tone::good : tone::bad}, one.address, {words, one.accepts ? tone::plain : meaning}});
  }
  rows.print(to, 4);
}

}  // namespace sluice::tool
