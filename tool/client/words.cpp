// SPDX-License-Identifier: Apache-2.0
#include "client/words.hpp"

#include "terminal/failure.hpp"
#include "terminal/dates.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

constexpr auto soon = std::chrono::hours(24 * 14);

// The certificate that ends first is the one that counts.
const certificate& first_to_expire(const std::vector<certificate>& chain) {
  return *std::ranges::min_element(chain, {}, &certificate::valid_until);
}

std::string good_words(const connection_report& r) {
  const auto where = r.to.text();
  if (!r.is_verified)
    return where + " answered, but its certificate was not verified; drop --insecure to have it verified";
  if (r.chain.empty()) return where + " is trusted";
  const auto& first = first_to_expire(r.chain);
  const auto left = left_of(first);
  const auto name = &first == &r.chain.front() ? "its certificate" : "\"" + first.subject() + "\" in its chain";
  if (first.has_no_end()) return fmt::format("{} is trusted: {} is valid without end", where, name);
  auto text = fmt::format("{} is trusted: {} is valid for another {}", where, name, in_words(left));
  return left < soon ? text + "; renew it soon" : text;
}

// How the sentence about a failure begins: with what could not be had.
std::string bad_beginning(const connection_report& r) {
  const auto where = r.to.text();
  const auto category = r.error->category();
  if (cause_of(r.error->code) == errc::cancelled) return where + ": interrupted";
  if (category == "resolve") return where + " cannot be found";
  if (category == "connect") return where + " cannot be reached";
  if (category == "certificate") return where + " is not trusted";
  if (category == "requirement") return where + " does not meet a requirement";
  if (category == "pkcs11" || cause_of(r.error->code) == errc::key_mismatch) return "the private key cannot be used";
  if (category == "config") return where + " was not asked: the options are wrong";
  return r.info ? where + " broke off" : where + " did not complete the handshake";
}

std::string bad_words(const connection_report& r) {
  const auto& error = *r.error;
  auto text = bad_beginning(r);
  if (cause_of(error.code) == errc::cancelled) return text;
  const auto place = error.where == r.to.text() || error.where == r.server_name ? std::string() : error.where;
  if (error.category() != "requirement") {
    if (!place.empty()) text += ": " + place;
    text += ": " + error.code.message();
  }
  if (!error.detail.empty()) text += ": " + error.detail;
  if (const auto remedy = remedy_for(error); !remedy.empty()) text += "; " + remedy;
  return text;
}

}  // namespace

std::string verdict_line(const connection_report& report, const screen& to) {
  return verdict_line(report, to, {}, false);
}

std::string verdict_line(const connection_report& report, const screen& to, const std::string& more, bool is_doubted) {
  const bool is_good = report.is_good();
  const auto words = (is_good ? good_words(report) : bad_words(report)) + more;
  const auto meaning = !is_good ? tone::bad : report.is_verified && !is_doubted ? tone::good : tone::warning;
  return to.paint(meaning, fmt::format("{} {}", is_good ? to.tick() : to.cross(), words));
}

std::string summary(const connection_info& info) {
  return fmt::format("{}  {}  {}{}", info.version, info.cipher, info.group, info.post_quantum ? " (post-quantum)" : "");
}

}  // namespace sluice::tool
