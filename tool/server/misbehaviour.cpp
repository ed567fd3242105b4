// SPDX-License-Identifier: Apache-2.0
#include "server/misbehaviour.hpp"

#include "terminal/failure.hpp"
#include "terminal/values.hpp"

#include <charconv>
#include <set>

namespace sluice::tool {
namespace {

[[noreturn]] void refuse(std::string_view clause, const std::string& detail, const std::string& remedy) {
  give_up(errc::invalid_argument, "--fail", "\"" + std::string(clause) + "\" " + detail, remedy);
}

struct halves {
  std::string_view before, after;
};

halves split(std::string_view text, char at) {
  const auto place = text.find(at);
  if (place == text.npos) return {text, {}};
  return {text.substr(0, place), text.substr(place + 1)};
}

std::uint64_t number_of(std::string_view clause, std::string_view text, std::uint64_t least) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (text.empty() || read.ec != std::errc() || read.ptr != end || value < least) {
    refuse(clause, "has no number of " + std::to_string(least) + " or more", "write one, for example 1000");
  }
  return value;
}

ending ending_of(std::string_view clause, std::string_view text) {
  if (text == "close") return ending::close;
  if (text == "reset") return ending::reset;
  if (text == "stall") return ending::stall;
  refuse(clause, "does not say how to end", "write close, reset or stall");
}

std::uint8_t alert_of(std::string_view clause, std::string_view name) {
  for (unsigned number = 0; number < 256; ++number) {
    const auto description = static_cast<std::uint8_t>(number);
    if (alert_name(description) == name && !name.starts_with("unknown")) return description;
  }
  refuse(clause, "names no alert of TLS", "write one of RFC 8446 §6, for example handshake_failure");
}

void add_handshake(misbehaviour& to, std::string_view clause, std::string_view value) {
  const auto [what, name] = split(value, ':');
  to.handshake = ending::close;
  if (what == "alert") {
    to.alert = alert_of(clause, name);
  } else {
    to.handshake = ending_of(clause, value);
  }
}

void add_after(misbehaviour& to, std::string_view clause, std::string_view value) {
  const auto [count, how] = split(value, ':');
  to.after = number_of(clause, count, 0);
  to.then = ending_of(clause, how);
}

void add(misbehaviour& to, std::string_view clause) {
  const auto [key, value] = split(clause, '=');
  if (key == "handshake") return add_handshake(to, clause, value);
  if (key == "after") return add_after(to, clause, value);
  if (key == "delay") {
    to.delay = parse_duration(value, "--fail delay");
    return;
  }
  auto* number = key == "slow" ? &to.bytes_a_second : key == "every" ? &to.every : key == "first" ? &to.first : nullptr;
  if (number == nullptr) {
    refuse(clause, "is not something to fail with", "write handshake=…, delay=…, after=…, slow=…, every=… or first=…");
  }
  *number = number_of(clause, value, 1);
}

}  // namespace

misbehaviour parse_misbehaviour(std::string_view text) {
  misbehaviour made;
  made.text = text;
  std::set<std::string_view> seen;
  for (auto rest = text; !rest.empty() || seen.empty();) {
    const auto [clause, more] = split(rest, ',');
    if (!seen.insert(split(clause, '=').before).second) refuse(clause, "comes twice", "say it once");
    add(made, clause);
    rest = more;
  }
  const bool fails = made.handshake || made.after || made.delay.count() > 0 || made.bytes_a_second > 0;
  if (!fails) refuse(text, "says when to fail, and not how", "add handshake=…, delay=…, after=… or slow=…");
  if (made.handshake && (made.after || made.bytes_a_second > 0)) {
    refuse(text, "ends the handshake, after which nothing is sent", "drop after=… and slow=…");
  }
  return made;
}

}  // namespace sluice::tool
