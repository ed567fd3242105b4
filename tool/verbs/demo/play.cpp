// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/play.hpp"

#include "terminal/exit_code.hpp"
#include "terminal/dates.hpp"
#include "terminal/plot.hpp"
#include "terminal/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

json::object describe(const proof_phase& phase) {
  return {{"p50_ms", milliseconds(phase.p50)}, {"p99_ms", milliseconds(phase.p99)}, {"per_s", phase.per_second}};
}

json::object describe(const demo_handshake& h) {
  const auto info = h.seen ? h.seen->info : connection_info();
  return {{"client", h.outcome.client},
          {"version", text_or_null(info.version)},
          {"cipher", text_or_null(info.cipher)},
          {"group", text_or_null(info.group)},
          {"alpn", text_or_null(info.alpn)},
          {"key", h.key_uri},
          {"sign_ms", h.seen ? json::value(milliseconds(h.seen->timings.signing)) : json::value(nullptr)},
          {"echo_sha256", text_or_null(h.outcome.echo_sha256)}};
}

json::object describe(const verdict& v) { return {{"name", v.name}, {"ok", v.is_good}, {"detail", v.detail}}; }

struct named_phase {
  const char* name;
  const proof_phase* phase;
};

}  // namespace

bool demo_result::is_good() const { return std::ranges::all_of(verdicts, &verdict::is_good); }

int demo_result::exit_code() const {
  const auto bad = std::ranges::find(verdicts, false, &verdict::is_good);
  return bad == verdicts.end() ? exit_ok : bad->code;
}

void print_handshakes(const screen& to, const std::vector<demo_handshake>& all) {
  table t({{"client"},
           {"version"},
           {"cipher"},
           {"group"},
           {"ALPN"},
           {"key"},
           {"signing", table::side::right},
           {"verdict"}});
  for (const auto& h : all) {
    const auto info = h.seen ? h.seen->info : connection_info();
    const bool is_good = !h.outcome.error;
    const auto words = is_good
                           ? fmt::format("{} 1 MiB echoed, SHA-256 {}", to.tick(), h.outcome.echo_sha256.substr(0, 8))
                           : fmt::format("{} {}", to.cross(), h.outcome.error->message());
    t.add({h.outcome.client,
           info.version,
           info.cipher,
           info.group,
           info.alpn,
           h.key_name + " in token",
           h.seen ? short_time(h.seen->timings.signing) : std::string("-"),
           {words, is_good ? tone::good : tone::bad}});
  }
  t.print(to);
}

void print_proof(const screen& to, const proof& p) {
  const named_phase phases[] = {{"idle", &p.idle}, {"key in memory", &p.memory}, {"key in slow token", &p.token}};
  table t(
      {{""}, {"echo p50", table::side::right}, {"echo p99", table::side::right}, {"handshakes/s", table::side::right}});
  for (const auto& [name, phase] : phases) {
    t.add({name, short_time(phase->p50), short_time(phase->p99), fmt::format("{:.0f}", phase->per_second)});
  }
  t.print(to);

  const auto in_ms = [](std::chrono::nanoseconds time) { return milliseconds(time); };
  to.line();
  to.line("  echo p99, beside the time of one signature");
  std::vector<bar> times;
  for (const auto& [name, phase] : phases)
    times.push_back({name, in_ms(phase->p99), short_time(phase->p99), tone::good});
  times.push_back({"one C_Sign", in_ms(proof::signature_time), short_time(proof::signature_time), tone::quiet});
  print_bars(to, times);

  to.line();
  to.line(fmt::format("  handshakes/s, beside what the token allows: {} sessions / {} ms", proof::sessions,
                      proof::signature_time.count()));
  std::vector<bar> rates;
  for (const auto& [name, phase] : phases) {
    if (phase != &p.idle)
      rates.push_back({name, phase->per_second, fmt::format("{:.0f}", phase->per_second), tone::good});
  }
  rates.push_back({"bound", proof::bound, fmt::format("{:.0f}", proof::bound), tone::quiet});
  print_bars(to, rates);
}

json::object describe(const demo_result& result) {
  json::array verdicts, handshakes;
  for (const auto& v : result.verdicts) verdicts.emplace_back(describe(v));
  for (const auto& h : result.handshakes) handshakes.emplace_back(describe(h));
  json::value proof = nullptr;
  if (result.proof) {
    proof = json::object{{"idle", describe(result.proof->idle)},
                         {"memory", describe(result.proof->memory)},
                         {"token", describe(result.proof->token)}};
  }
  return {{"schema", 1},
          {"ok", result.is_good()},
          {"verdicts", std::move(verdicts)},
          {"handshakes", std::move(handshakes)},
          {"proof", std::move(proof)}};
}

}  // namespace sluice::tool
