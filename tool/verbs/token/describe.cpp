// SPDX-License-Identifier: Apache-2.0
#include "verbs/token/describe.hpp"

#include <fmt/format.h>

namespace sluice::tool {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const auto b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

json::array describe(std::span<const std::string> words) {
  json::array all;
  for (const auto& word : words) all.emplace_back(word);
  return all;
}

json::object describe(const pkcs11::key_info& key, const token_place& place) {
  return {
      {"uri", place.ready(key.uri)},
      {"label", key.label},
      {"id", hex(key.id)},
      {"type", key.type},
      {"sign", key.can_sign},
      {"decrypt", key.can_decrypt},
      {"local", key.is_local},
      {"sensitive", key.is_sensitive},
      {"extractable", key.is_extractable},
      {"always_authenticate", key.always_authenticate},
      {"public_key_sha256", key.public_key.empty() ? json::value(nullptr) : json::value(sha256_hex(key.public_key))}};
}

json::object describe(const pkcs11::certificate_info& one, const token_place& place) {
  json::object made{{"uri", place.ready(one.uri)}, {"label", one.label}, {"id", hex(one.id)}};
  made["certificate"] = one.parsed.empty() ? json::value(nullptr) : json::value(describe(one.parsed.front()));
  return made;
}

std::string_view circuit_text(pkcs11::circuit_state state) noexcept {
  switch (state) {
    case pkcs11::circuit_state::closed: return "closed";
    case pkcs11::circuit_state::open: return "open";
    case pkcs11::circuit_state::probing: return "probing";
  }
  return "";
}

json::object describe(const pkcs11::token_stats& s) {
  json::object answers;
  for (const auto& [name, count] : s.answers) answers[name] = count;
  const auto idle = s.sessions_open > s.sessions_busy ? s.sessions_open - s.sessions_busy : 0;
  return {
      {"token", s.token},
      {"circuit", circuit_text(s.circuit)},
      {"queued", s.queued},
      {"workers", s.workers},
      {"sessions", {{"open", s.sessions_open}, {"busy", s.sessions_busy}, {"idle", idle}, {"limit", s.session_limit}}},
      {"operations", s.operations},
      {"failures", s.failures},
      {"waited_ms", milliseconds(s.waited)},
      {"served_ms", milliseconds(s.served)},
      {"shed", {{"full", s.shed_full}, {"late", s.shed_late}, {"down", s.shed_down}}},
      {"logins", s.logins},
      {"sessions_reopened", s.sessions_reopened},
      {"keys_found_again", s.keys_found_again},
      {"circuit_opened", s.circuit_opened},
      {"reinitialized", s.reinitialized},
      {"written_off", s.written_off},
      {"answers", std::move(answers)}};
}

}  // namespace sluice::tool
