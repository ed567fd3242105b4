// SPDX-License-Identifier: Apache-2.0
#include "show/words.hpp"

#include "cli/trouble.hpp"
#include "show/dates.hpp"
#include "show/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr auto soon = std::chrono::hours(24 * 14);

seconds left_of(const certificate& one) {
  return std::chrono::duration_cast<seconds>(one.not_after() - system_clock::now());
}

// The certificate that ends first is the one that counts.
const certificate& first_to_expire(const std::vector<certificate>& chain) {
  return *std::ranges::min_element(chain, {}, &certificate::not_after);
}

std::string good_words(const connection_report& r) {
  const auto where = r.to.text();
  if (!r.is_verified)
    return where + " answered, but nobody checked its certificate; drop --insecure to have it verified";
  if (r.chain.empty()) return where + " is trusted";
  const auto& first = first_to_expire(r.chain);
  const auto left = left_of(first);
  auto text = fmt::format("{} is trusted: {} is valid for another {}", where,
                          &first == &r.chain.front() ? "its certificate" : "\"" + first.subject() + "\" in its chain",
                          in_words(left));
  return left < soon ? text + "; renew it soon" : text;
}

// How the sentence about a failure begins: with what could not be had.
std::string bad_beginning(const connection_report& r) {
  const auto where = r.to.text();
  const auto category = r.why->category();
  if (cause_of(r.why->code) == errc::cancelled) return where + ": interrupted";
  if (category == "resolve") return where + " cannot be found";
  if (category == "connect") return where + " cannot be reached";
  if (category == "certificate") return where + " is not trusted";
  if (category == "requirement") return where + " does not meet a requirement";
  if (category == "pkcs11" || cause_of(r.why->code) == errc::key_mismatch) return "the private key cannot be used";
  if (category == "config") return where + " was not asked: the options are wrong";
  return r.info ? where + " broke off" : where + " did not complete the handshake";
}

std::string bad_words(const connection_report& r) {
  const auto& why = *r.why;
  auto text = bad_beginning(r);
  if (cause_of(why.code) == errc::cancelled) return text;
  const auto place = why.where == r.to.text() || why.where == r.server_name ? std::string() : why.where;
  if (why.category() != "requirement") {
    if (!place.empty()) text += ": " + place;
    text += ": " + why.code.message();
  }
  if (!why.detail.empty()) text += ": " + why.detail;
  if (const auto remedy = remedy_for(why); !remedy.empty()) text += "; " + remedy;
  return text;
}

std::string validity(const certificate& one) {
  const auto days = fmt::format("{} to {}", iso_date(one.not_before()), iso_date(one.not_after()));
  const auto left = left_of(one);
  return left.count() > 0 ? fmt::format("{} ({} left)", days, in_words(left)) : fmt::format("{} (expired)", days);
}

std::string ocsp_words(std::string_view state) {
  if (state == "none") return "no response stapled";
  return "stapled, " + std::string(state);
}

void add_timing(table& facts, const connection_report& r) {
  std::string text;
  const auto add = [&text](std::string_view name, std::chrono::nanoseconds time) {
    if (time.count() > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, short_time(time));
  };
  add("resolve", r.timings.resolve);
  add("connect", r.timings.connect);
  add("handshake", r.timings.handshake);
  if (r.timings.signing.count() > 0) text += fmt::format(" (of it signing {})", short_time(r.timings.signing));
  if (!text.empty()) facts.add({{"timing", tone::quiet}, text + fmt::format(", total {}", short_time(r.total))});
}

void add_agreement(table& facts, const connection_report& r) {
  const auto& info = *r.info;
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  facts.add({{"version", tone::quiet}, info.version});
  facts.add({{"cipher", tone::quiet}, info.cipher});
  facts.add({{"group", tone::quiet},
             or_none(info.group) + (info.post_quantum ? " (post-quantum hybrid)" : " (not post-quantum)")});
  facts.add({{"signature", tone::quiet}, or_none(info.signature)});
  facts.add({{"ALPN", tone::quiet}, or_none(info.alpn)});
  facts.add({{"SNI", tone::quiet}, info.server_name.empty() ? "none sent" : info.server_name});
  facts.add({{"OCSP", tone::quiet}, ocsp_words(r.ocsp())});
  if (info.client_certificate) facts.add({{"our certificate", tone::quiet}, "sent"});
}

}  // namespace

std::string verdict_line(const connection_report& report, const screen& to) {
  const bool is_good = report.is_good();
  const auto words = is_good ? good_words(report) : bad_words(report);
  const auto meaning = !is_good ? tone::bad : report.is_verified ? tone::good : tone::warning;
  return to.paint(meaning, fmt::format("{} {}", is_good ? to.tick() : to.cross(), words));
}

void print_details(const connection_report& r, const screen& to) {
  table facts({{""}, {""}});
  if (r.address) facts.add({{"address", tone::quiet}, to_text(*r.address)});
  if (r.info) add_agreement(facts, r);
  if (!r.policy.empty()) facts.add({{"policy", tone::quiet}, r.policy});
  for (std::size_t i = 0; i < r.chain.size(); ++i) {
    const auto& one = r.chain[i];
    const auto name = one.subject().empty() ? std::string("(no subject)") : one.subject();
    facts.add(
        {{i == 0 ? "chain" : "", tone::quiet}, fmt::format("{}. {}, {}, {}", i + 1, name, one.key(), validity(one))});
  }
  if (r.chain.empty() && r.info) facts.add({{"chain", tone::quiet}, "not known, since nothing was verified"});
  add_timing(facts, r);
  facts.print(to);
}

std::string summary(const connection_info& info) {
  return fmt::format("{}  {}  {}{}", info.version, info.cipher, info.group, info.post_quantum ? " (post-quantum)" : "");
}

}  // namespace sluice::tool
