// SPDX-License-Identifier: Apache-2.0
// `sluice demo`: a key generated on a token serves real clients, and the event loop never waits for the token.
#include "terminal/exit_code.hpp"
#include "terminal/failure.hpp"
#include "verbs/demo/echo_clients.hpp"
#include "testkit/peers/faulty_module.hpp"
#include "verbs/demo/play.hpp"
#include "testkit/load/loop_thread.hpp"
#include "terminal/dates.hpp"
#include "verbs/demo/demo.hpp"

#include "sluice/pkcs11/uri.hpp"

#include <fmt/format.h>

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>

namespace sluice::tool {
namespace {

struct demo_options {
  bool no_timing = false;
  bool json = false;
  std::string faulty_module;
};

std::string random_text(std::size_t size) {
  std::random_device seed;
  std::mt19937_64 random(seed());
  std::string text(size, '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

// What may be shown of a key's URI.
std::string public_uri(const std::string& text) {
  auto u = pkcs11::uri::parse(text).value();
  u.pin_source.clear();
  u.module_path.clear();
  return u.to_string();
}

class demonstration {
 public:
  explicit demonstration(const demo_options& options) : options_(options) {}

  int run() {
    try {
      play();
    } catch (const error& e) {
      if (e.why().code == errc::cancelled) throw;
      judge("set_up", false, e.why().message(), exit_code_of(e.why()));
    }
    if (stage_) {
      const bool is_clean = stage_->clear();
      const bool is_alone = ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
      judge("nothing_left_behind", is_clean && is_alone, "no file and no process is left", exit_requirement);
    }
    if (options_.json) out_.line(to_text(describe(result_)));
    return result_.exit_code();
  }

 private:
  void play() {
    faulty_module_ = options_.no_timing ? std::string() : testkit::find_faulty_module(options_.faulty_module);
    say("A SoftHSM token in a temporary folder, two keys generated on it, certificates from a throwaway authority.");
    stage_ = std::make_unique<stage>();
    judge_keys();
    shake_hands();
    if (!options_.no_timing) prove();
  }

  void judge_keys() {
    const bool all_stay = std::ranges::all_of(stage_->sites(), &token_site::stays_in_token);
    judge("keys_stay_in_token", all_stay,
          all_stay ? "both keys are sensitive and cannot be extracted" : "a key can leave the token", exit_requirement);
  }

  // Each key behind a server of its own, all on one event loop; each kind of client for each version.
  void shake_hands() {
    say("");
    say("Clients that verify the server, and have 1 MiB echoed:");
    const auto text = random_text(std::size_t{1} << 20);
    testkit::loop_thread loop;
    std::vector<std::unique_ptr<echo_server>> servers;
    for (const auto& site : stage_->sites()) {
      servers.push_back(std::make_unique<echo_server>(loop.io(), stage_->server(site)));
      for (const auto version : {tls_version::tls1_3, tls_version::tls1_2}) {
        const auto ours = version == tls_version::tls1_2 ? stage_->client({{}, version}) : stage_->client();
        note(site, version, *servers.back(), echo_with_sluice(servers.back()->address(), ours, text, watch_), text);
        note(site, version, *servers.back(),
             echo_with_openssl(servers.back()->address(), stage_->ca_file(), version, text, watch_), text);
      }
    }
    loop.stop();
    servers.clear();
    if (!options_.json) print_handshakes(out_, result_.handshakes);
    say("");
    judge_groups();
  }

  void judge_groups() {
    std::string groups;
    bool is_hybrid = true;
    for (const auto& h : result_.handshakes) {
      if (h.outcome.client != "sluice" || !h.seen || h.seen->info.version != "TLSv1.3") continue;
      is_hybrid = is_hybrid && h.seen->info.post_quantum;
      groups = h.seen->info.group;
    }
    judge("post_quantum", is_hybrid && !groups.empty(),
          "our client's TLS 1.3 is post-quantum: its group is " + (groups.empty() ? "unknown" : groups),
          exit_requirement);
  }

  void note(const token_site& site, tls_version version, echo_server& server, echo_outcome outcome,
            const std::string& text) {
    const auto seen = server.take_last();
    const auto wanted = sha256_hex(std::as_bytes(std::span(text)));
    const auto who = fmt::format("{} over {} with the {} key", outcome.client, to_string(version), site.name);
    const bool is_echoed = !outcome.error && outcome.echo_sha256 == wanted && seen &&
                           seen->info.version == to_string(version) && seen->timings.signing.count() > 0;
    const auto detail = outcome.error ? outcome.error->message()
                        : is_echoed   ? "verified, signed in the token, echoed whole"
                                      : "not as it should be";
    const auto name =
        fmt::format("echo_{}_{}_{}", outcome.client, version == tls_version::tls1_2 ? "tls12" : "tls13", site.label);
    add(name, is_echoed, who + ": " + detail, outcome.error ? exit_code_of(*outcome.error) : exit_requirement);
    // People see those that hold in the table.
    if (!is_echoed) say_verdict(result_.verdicts.back());
    result_.handshakes.push_back({std::move(outcome), seen, site.name, public_uri(site.uri)});
  }

  void prove() {
    say("");
    say(
        fmt::format("{} clients shake hands without rest; one established connection echoes every millisecond, timed "
                    "from when each ping was due.",
                    proof::clients));
    say(fmt::format("The token now takes {} ms for each signature, in {} sessions.", proof::signature_time.count(),
                    proof::sessions));
    const auto& p = measure();
    say("");
    if (!options_.json) print_proof(out_, p);
    say("");
    judge_phase("memory", p.memory);
    judge_phase("token", p.token);
    judge("no_echo_waited", !p.has_waited(),
          fmt::format("no echo waited for a signature: p99 {} with a token of {} ms, {} idle", short_time(p.token.p99),
                      proof::signature_time.count(), short_time(p.idle.p99)),
          exit_requirement);
  }

  // Again where others had the machine, which a measurement of time cannot be held against.
  const proof& measure() {
    constexpr int tries = 3;
    for (int i = 1;; ++i) {
      result_.proof = run_proof(*stage_, faulty_module_, watch_, [this](std::string_view what) {
        if (out_.is_terminal() && !options_.json) say(out_.paint(tone::quiet, fmt::format("  measuring: {}", what)));
      });
      const auto& p = *result_.proof;
      if (i == tries || !p.has_waited() || !p.is_disturbed()) return p;
      say(fmt::format("The machine is busy: echoes waited {} idle and {} with the key in memory. Measured once more.",
                      short_time(p.idle.p99), short_time(p.memory.p99)));
    }
  }

  void judge_phase(const std::string& name, const proof_phase& phase) {
    const bool is_good = phase.failed == 0 && phase.per_second > 0;
    judge("all_served_" + name, is_good,
          is_good ? fmt::format("every handshake with the key in {} succeeded, {:.0f} a second",
                                name == "token" ? "the token" : "memory", phase.per_second)
                  : fmt::format("{} handshakes failed, {:.0f} a second succeeded{}", phase.failed, phase.per_second,
                                phase.first_failure ? ": " + phase.first_failure->message() : std::string()),
          phase.first_failure ? exit_code_of(*phase.first_failure) : exit_requirement);
  }

  void add(std::string name, bool is_good, std::string detail, int code) {
    result_.verdicts.push_back({std::move(name), is_good, std::move(detail), code});
  }
  void judge(std::string name, bool is_good, std::string detail, int code) {
    add(std::move(name), is_good, std::move(detail), code);
    say_verdict(result_.verdicts.back());
  }
  void say_verdict(const verdict& v) const { say(fmt::format("{} {}", out_.verdict(v.is_good), v.detail)); }
  void say(std::string_view line) const {
    if (options_.json) return;
    out_.line(line);
    out_.flush();
  }

  const demo_options options_;
  const screen out_{stdout};
  const interrupt_watch watch_;
  std::string faulty_module_;
  std::unique_ptr<stage> stage_;
  demo_result result_;
};

}  // namespace

action declare_demo(declaration& app) {
  auto options = std::make_shared<demo_options>();
  app.add_flag("--no-timing", options->no_timing, "Verdicts only: leave out the measurements with a slow token");
  app.add_option("--faulty-module", options->faulty_module,
                 "The module that slows the token (default: beside this program)")
      .type_name("PATH");
  app.add_flag("--json", options->json, "Print JSON");
  return [options] { return demonstration(*options).run(); };
}

}  // namespace sluice::tool
