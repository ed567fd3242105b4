// SPDX-License-Identifier: Apache-2.0
#include "client/details.hpp"

#include "terminal/values.hpp"
#include "client/chain.hpp"
#include "terminal/dates.hpp"
#include "terminal/table.hpp"
#include "client/waterfall.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

std::string group_words(const connection_info& info) {
  if (info.group.empty()) return info.resumed ? "none: the session was resumed without one" : "none";
  return info.group + (info.post_quantum ? " (post-quantum hybrid)" : " (not post-quantum)");
}

std::string signature_words(const connection_info& info) {
  return info.signature.empty() && info.resumed ? "none: the session was resumed" : or_none(info.signature);
}

std::string resumption_words(const connection_report& r) {
  const auto& given = r.tickets;
  std::string text = r.info->resumed ? "resumed an earlier session" : "";
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (given && given->count == 0 && !r.info->resumed) {
    add(r.may_send_more ? "not known: no ticket came, and the server has not ended the connection"
                        : "no ticket was given");
  }
  if (given && given->count > 0) {
    const auto tickets = given->count == 1 ? std::string("a ticket") : fmt::format("{} tickets", given->count);
    add(fmt::format("{}, good for {}", tickets, in_words(given->lifetime)));
  }
  return text.empty() ? "full handshake" : text;
}

std::string ocsp_words(std::string_view state) {
  if (state == "none") return "no response stapled";
  return "stapled, " + std::string(state);
}

std::string request_words(const connection_report& r) {
  const auto& request = r.seen.request;
  if (!request) return "not asked for";
  if (r.info) return r.info->client_certificate ? "asked for; ours was sent" : "asked for; we sent none";
  return "asked for";
}

std::string authorities_of(const certificate_request& request) {
  constexpr std::size_t most = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, request.authorities.size()); ++i) {
    text += (i > 0 ? "; " : "") + request.authorities[i];
  }
  const auto left = request.authorities.size() - std::min(most, request.authorities.size());
  return left > 0 ? fmt::format("{}; and {} more", text, left) : text;
}

void add_request(table& facts, const connection_report& r) {
  const bool is_known = !r.seen.messages.empty() && !(r.info && r.info->resumed);
  if (!is_known || (!r.info && !r.seen.request)) return;
  facts.add({{"client certificate", tone::quiet}, request_words(r)});
  if (!r.seen.request) return;
  if (r.is_certificate_unjudged) {
    facts.add({{"its verdict", tone::quiet}, "not known: the server sent nothing for a second, and may still reject"});
  }
  const auto named = authorities_of(*r.seen.request);
  facts.add({{"accepted issuers", tone::quiet}, named.empty() ? "not listed" : named});
}

void add_agreement(table& facts, const connection_report& r) {
  const auto& info = *r.info;
  facts.add({{"version", tone::quiet}, info.version});
  facts.add({{"cipher", tone::quiet}, info.cipher});
  facts.add({{"group", tone::quiet}, group_words(info)});
  facts.add({{"signature", tone::quiet}, signature_words(info)});
  facts.add({{"ALPN", tone::quiet}, or_none(info.alpn)});
  facts.add({{"SNI", tone::quiet}, info.server_name.empty() ? "none sent" : info.server_name});
  facts.add({{"resumption", tone::quiet}, resumption_words(r)});
  facts.add({{"OCSP", tone::quiet}, ocsp_words(r.ocsp())});
}

}  // namespace

void print_facts(const connection_report& r, const screen& to) {
  table facts({{""}, {""}});
  if (r.address) facts.add({{"address", tone::quiet}, to_text(*r.address)});
  if (!r.proxy.empty()) facts.add({{"proxy", tone::quiet}, r.proxy});
  if (!r.starttls.empty()) facts.add({{"STARTTLS", tone::quiet}, r.starttls});
  if (r.prelude.count() > 0) facts.add({{"before TLS", tone::quiet}, short_time(r.prelude)});
  if (r.info) add_agreement(facts, r);
  add_request(facts, r);
  if (!r.policy.empty()) facts.add({{"policy", tone::quiet}, r.policy});
  facts.print(to);
}

void print_details(const connection_report& r, const screen& to) {
  print_facts(r, to);
  print_chain(r, to);
  print_waterfall(r, to);
}

}  // namespace sluice::tool
