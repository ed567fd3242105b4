// SPDX-License-Identifier: Apache-2.0
#include "verbs/token/watch.hpp"

#include "testkit/authority/signing.hpp"
#include "terminal/dates.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/present.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace sluice::tool {
namespace {

// What is worth a line when it grows. CKR_OK grows all the time.
auto reported_counts(const pkcs11::token_stats& s) {
  auto answers = s.answers;
  answers.erase("CKR_OK");
  return std::tuple(s.logins, s.sessions_reopened, s.keys_found_again, s.circuit_opened, s.reinitialized, s.written_off,
                    s.shed_full, s.shed_late, s.shed_down, s.session_limit, answers);
}

std::string words_of(const pkcs11::token_stats& s) {
  std::vector<std::string> answers;
  answers.reserve(s.answers.size());
  for (const auto& [name, count] : s.answers) answers.push_back(fmt::format("{} {}", name, count));
  const auto mean = [&s](std::chrono::nanoseconds sum) {
    return short_time(sum / static_cast<std::int64_t>(std::max<std::uint64_t>(s.operations, 1)));
  };
  return fmt::format(
      "{} queued, {} of {} sessions open, {} busy; a signature waits {} and takes {}; {} logins, {} sessions opened "
      "anew, {} keys found again, {} times down, {} workers written off; answers {}",
      s.queued, s.sessions_open, s.session_limit, s.sessions_busy, mean(s.waited), mean(s.served), s.logins,
      s.sessions_reopened, s.keys_found_again, s.circuit_opened, s.written_off, fmt::join(answers, ", "));
}

}  // namespace

token_watch::token_watch(const token_place& place, std::function<void(const token_event&)> report)
    : place_(place),
      report_(std::move(report)),
      module_(pkcs11::module::load(place.module_path(), place.module_options()).value()) {}

void token_watch::report(std::string name, std::string words, json::object fields, bool is_good) {
  report_({.name = std::move(name), .fields = std::move(fields), .words = std::move(words), .is_good = is_good});
}

// The same failure again is no news.
void token_watch::note_trouble(const failure& error) {
  const auto code = code_name(error.code);
  if (std::exchange(last_trouble_, code) == code) return;
  report("trouble", error.message(), {{"error", describe(std::optional(error))}}, false);
}

void token_watch::look() {
  look_for_token();
  if (is_there_ == true) look_at_session();
  look_at_key();
}

void token_watch::look_for_token() {
  try {
    const auto found = present_tokens(place_);
    const auto& info = found.front().info;
    if (is_there_ != true) {
      is_there_ = true;
      flags_ = info.flags;
      report("inserted", fmt::format("{} is there: {}", info.uri, fmt::join(info.flags, ", ")),
             {{"uri", info.uri}, {"flags", describe(info.flags)}});
    } else if (std::exchange(flags_, info.flags) != info.flags) {
      report("flags", fmt::format("its flags are now {}", fmt::join(info.flags, ", ")),
             {{"flags", describe(info.flags)}});
    }
  } catch (const error& e) {
    if (is_there_ == false) return;
    const bool was_there = is_there_ == true;
    is_there_ = false;
    session_.reset();
    is_logged_in_.reset();
    report(was_there ? "removed" : "absent", (was_there ? "it is gone: " : "it is not there: ") + e.why().message(),
           {{"error", describe(std::optional(e.why()))}}, false);
  }
}

void token_watch::look_at_session() {
  if (!session_) {
    try {
      session_.emplace(place_.open());
    } catch (const error& e) {
      return note_trouble(e.why());
    }
    last_trouble_.clear();
    report("session", "a session is open", {{"state", "open"}});
  }
  const auto now = session_->status();
  if (!now) {
    session_.reset();
    is_logged_in_.reset();
    note_trouble(now.error());
    return report("session", "the session is lost", {{"state", "lost"}}, false);
  }
  if (std::exchange(is_logged_in_, now->is_logged_in) == now->is_logged_in) return;
  report("login", now->is_logged_in ? "logged in" : "logged out",
         {{"state", now->is_logged_in ? "logged_in" : "logged_out"}});
}

void token_watch::look_at_key() {
  const auto wanted = place_.parsed();
  if (!wanted.object && !wanted.id) return;
  if (!key_) {
    if (is_there_ != true) return;
    auto wishes = place_.wishes();
    wishes.sessions = 1;
    wishes.timeout = std::chrono::seconds(2);
    auto opened = pkcs11::open_key(place_.text, wishes);
    if (!opened) return note_trouble(opened.error());
    key_ = std::move(*opened);
    last_ = key_->stats();
  }
  const auto usual = testkit::schemes_for(key_->public_key().value_or(std::vector<std::byte>()));
  const auto scheme = usual.empty() ? signature_scheme::ecdsa_secp256r1_sha256 : usual.front();
  const auto began = std::chrono::steady_clock::now();
  const auto signature = key_->sign(testkit::digest_to_sign(scheme, std::as_bytes(std::span("sluice token watch"))));
  const auto took = std::chrono::steady_clock::now() - began;
  const bool is_news = std::exchange(does_sign_, signature.has_value()) != signature.has_value();
  if (signature) {
    last_trouble_.clear();
    if (is_news) report("signature", "it signs, in " + short_time(took), {{"ok", true}, {"ms", milliseconds(took)}});
  } else {
    note_trouble(signature.error());
    if (is_news) report("signature", "it does not sign", {{"ok", false}, {"ms", milliseconds(took)}}, false);
  }
  compare_stats();
}

void token_watch::compare_stats() {
  const auto now = key_->stats();
  const auto before = std::exchange(last_, now);
  const bool is_closed = now.circuit == pkcs11::circuit_state::closed;
  if (is_closed != (before.circuit == pkcs11::circuit_state::closed)) {
    report("circuit",
           fmt::format("the circuit is {}",
                       is_closed ? "closed: it is used again" : "open: it is probed until it answers"),
           {{"state", is_closed ? "closed" : "open"}}, is_closed);
  }
  if (reported_counts(now) != reported_counts(before)) report("stats", words_of(now), describe(now));
}

std::optional<pkcs11::token_stats> token_watch::stats() const {
  if (!key_) return std::nullopt;
  return key_->stats();
}

}  // namespace sluice::tool
