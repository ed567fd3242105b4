// SPDX-License-Identifier: Apache-2.0
#include "client/waterfall.hpp"

#include "terminal/values.hpp"
#include "terminal/dates.hpp"
#include "terminal/plot.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cmath>

namespace sluice::tool {
namespace {

using std::chrono::nanoseconds;

enum message : std::uint8_t { server_hello = 2, certificates = 11, server_key_exchange = 12, certificate_verify = 15 };

nanoseconds arrival(const handshake_transcript& seen, std::uint8_t type) {
  const auto* one = seen.find(type, false);
  return one != nullptr ? one->at : nanoseconds(0);
}

// The handshake's own phases end at these moments, since it began; zero for what did not happen.
struct moments {
  nanoseconds hello, chain, proof, key_done;
};

moments moments_of(const connection_report& r) {
  const auto& seen = r.seen;
  moments m{};
  m.hello = arrival(seen, server_hello);
  m.chain = std::max(arrival(seen, certificates), seen.verified);
  m.proof = std::max(arrival(seen, certificate_verify), arrival(seen, server_key_exchange));
  if (seen.key_asked > nanoseconds(0)) m.key_done = seen.key_asked + r.timings.signing;
  return m;
}

void add_handshake(std::vector<timed_phase>& to, const connection_report& r, nanoseconds began) {
  const auto m = moments_of(r);
  const bool is_done = r.info.has_value();
  auto at = nanoseconds(0);
  const auto add = [&](const char* name, nanoseconds until) {
    to.push_back({name, began + at, std::max(until - at, nanoseconds(0)), false});
    at = std::max(at, until);
  };
  const bool has_chain = m.chain > nanoseconds(0);
  const bool is_refused = !is_done && has_chain && r.seen.verified == nanoseconds(0) && r.is_verified;
  if (m.hello > nanoseconds(0)) add("ServerHello", m.hello);
  if (has_chain) add("certificates", is_refused ? r.timings.handshake : m.chain);
  if (m.proof > nanoseconds(0) && !is_refused) add("signature wait", m.proof);
  if (m.key_done > nanoseconds(0) && !is_refused) {
    at = std::max(at, r.seen.key_asked);
    add("our signature", m.key_done);
  }
  if (is_done) add("finished", r.timings.handshake);
  if (is_done) return;
  if (at < r.timings.handshake) add(m.hello > nanoseconds(0) ? "until it failed" : "ServerHello", r.timings.handshake);
  to.back().is_bad = true;
}

std::string label_of(const connect_attempt& one) {
  auto where = "connect " + to_text(one.endpoint);
  if (!one.error) return where;
  const bool is_slower = one.error == boost::asio::error::operation_aborted;
  return where + (is_slower ? " (not in time)" : " (" + code_name(one.error) + ")");
}

}  // namespace

std::vector<timed_phase> phases_of(const connection_report& r) {
  std::vector<timed_phase> made;
  if (r.timings.resolve > nanoseconds(0)) {
    made.push_back({"resolve", nanoseconds(0), r.timings.resolve, r.error && r.error->at == phase::resolve});
  }
  auto connected = r.timings.resolve + r.timings.connect;
  for (const auto& one : r.attempts) {
    made.push_back({label_of(one), one.began, one.duration, static_cast<bool>(one.error)});
    if (!one.error) connected = one.began + one.duration;
  }
  if (r.timings.handshake == nanoseconds(0)) return made;
  // Something may precede TLS (STARTTLS, a proxy): the handshake ends when everything does.
  add_handshake(made, r, std::max(connected, r.total - r.timings.handshake));
  return made;
}

void print_waterfall(const connection_report& r, const screen& to) {
  const auto phases = phases_of(r);
  if (phases.empty()) return;
  std::size_t label = columns("total");
  std::size_t text = columns(short_time(r.total));
  auto end = r.total;
  for (const auto& one : phases) {
    label = std::max(label, columns(one.name));
    text = std::max(text, columns(short_time(one.length)));
    end = std::max(end, one.began + one.length);
  }
  const auto taken = label + text + 8;
  const auto width = std::min<std::size_t>(48, to.width() > taken + 10 ? to.width() - taken : 10);
  const auto row = [&](const std::string& name, nanoseconds length, const std::string& drawn) {
    const auto time = short_time(length);
    const std::string gap(label - columns(name) + 2 + text - columns(time), ' ');
    to.line("    " + name + gap + time + (drawn.empty() ? "" : "  " + drawn));
  };
  const auto full = static_cast<double>(end.count());
  to.line("  " + to.paint(tone::quiet, "time"));
  for (const auto& one : phases) {
    const auto share = static_cast<double>(one.began.count()) / full * static_cast<double>(width);
    const auto before = std::min(static_cast<std::size_t>(share), width - 1);
    const auto bar = draw_bar(static_cast<double>(one.length.count()), full, width, to.has_symbols());
    row(one.name, one.length,
        bar.empty() ? bar : std::string(before, ' ') + to.paint(one.is_bad ? tone::bad : tone::plain, bar));
  }
  row("total", r.total, "");
}

}  // namespace sluice::tool
