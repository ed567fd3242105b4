// SPDX-License-Identifier: Apache-2.0
#include "terminal/token_json.hpp"

namespace sluice::tool {

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
