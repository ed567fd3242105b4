// SPDX-License-Identifier: Apache-2.0
// `sluice bench`: puts load on a server, and reports what it can take.
#include "client/probe.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "testkit/load/idle_load.hpp"
#include "verbs/bench/limits.hpp"
#include "verbs/bench/plan.hpp"
#include "verbs/bench/report.hpp"
#include "terminal/dates.hpp"
#include "terminal/progress.hpp"
#include "verbs/bench/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

std::string_view stage_name(run_stage stage) {
  switch (stage) {
    case run_stage::preparing: return "preparing";
    case run_stage::warming_up: return "warming up";
    case run_stage::measuring: return "measuring";
    case run_stage::finishing: return "finishing";
  }
  return "";
}

class benchmark {
 public:
  explicit benchmark(const bench_options& options) : is_json_(options.tls.json), plan_(make_plan(options)) {}

  int run() {
    r_.workload = name_of(plan_.kind);
    r_.place = plan_.to.text();
    r_.connections = plan_.connections;
    r_.rate = plan_.rate;
    r_.load = load_words(plan_);
    r_.warm_up = plan_.run.warm_up;
    asio::io_context io;
    // Finds the address for all connections, and whether the server can be measured at all.
    if (const auto first = run_to_end(io, probe(*plan_.first))) {
      take(*first);
    } else {
      r_.run.is_interrupted = true;
    }
    const screen out(stdout);
    is_json_ ? out.line(to_text(describe(r_))) : print(out, r_);
    return exit_code_of(r_);
  }

 private:
  void take(const connection_report& first) {
    const auto reached = first.reached();
    if (reached) r_.address = to_text(*reached);
    if (first.error) return r_.counts.broke(*first.error);
    r_.info = first.info;
    plan_.connection.server = *reached;
    press();
  }

  void press() {
    const interrupt_watch watch;
    const progress_line progress;
    const auto before = resident_memory();
    seats all;
    for (std::size_t i = 0; i < plan_.threads; ++i) {
      all.push_back(std::make_unique<seat>());
      all.back()->work = make_load(plan_, all.back()->loop.io(), i);
    }
    auto settings = plan_.run;
    settings.on_prepared = [&] { return note_preparations(all, before); };
    settings.on_progress = [&](run_stage stage, std::chrono::nanoseconds since) { show(progress, all, stage, since); };
    r_.run = run_loads(all, settings, watch, r_.counts);
    if (plan_.kind == workload::idle) r_.held = count(all, &testkit::idle_load::held);
  }

  bool note_preparations(const seats& all, std::size_t before) {
    if (plan_.kind == workload::idle) {
      const auto held = count(all, &testkit::idle_load::held);
      const auto now = resident_memory();
      if (held > 0 && now > before) r_.memory_each = (now - before) / held;
    }
    if (!plan_.jar) return true;
    plan_.jar->open();
    if (plan_.jar->size() > 0) return true;
    r_.counts.broke(make_failure(errc::requirement_not_met, "", "the server gave no ticket out",
                                 "turn tickets on at the server, or drop --resume"),
                    "not_resumed");
    return false;
  }

  static std::size_t count(const seats& all, std::size_t (testkit::idle_load::*what)() const noexcept) {
    std::size_t sum = 0;
    for (const auto& one : all) sum += (static_cast<const testkit::idle_load&>(*one->work).*what)();
    return sum;
  }

  void show(const progress_line& progress, const seats& all, run_stage stage, std::chrono::nanoseconds since) {
    std::uint64_t ok = 0, failed = 0, bytes = 0;
    for (const auto& one : all) {
      ok += one->work->counts().ok_so_far();
      failed += one->work->counts().failed_so_far();
      bytes += one->work->counts().bytes_so_far();
    }
    auto text = fmt::format("{} {}: {} done, {} failed", stage_name(stage), short_time(since), ok, failed);
    if (plan_.kind == workload::throughput) text += fmt::format(", {:.0f} MB", static_cast<double>(bytes) / 1e6);
    if (plan_.kind == workload::idle) text += fmt::format(", {} there", count(all, &testkit::idle_load::held));
    progress.say(text);
  }

  const bool is_json_;
  bench_plan plan_;
  bench_report r_;
};

void declare_common(declaration& app, bench_options& options) {
  app.add_option("HOST", options.address, "HOST, HOST:PORT or [IPV6]:PORT; port 443 unless given")
      .required()
      .type_name("");
  app.add_option("--duration", options.duration, "Duration of the measurement").type_name("TIME").capture_default_str();
  app.add_option("--threads", options.threads, "Number of threads (default: half of the processors, at most 8)")
      .type_name("N");
  options.tls.declare(app);
  app.add_option("--servername", options.server_name, "Name to send (SNI) and to verify, if it is not HOST")
      .type_name("NAME");
  app.add_flag("--insecure", options.is_insecure, "Accept any certificate: the server is not verified");
}

void declare_warm_up(declaration& app, bench_options& options) {
  app.add_option("--warm-up", options.warm_up, "Time before the measurement begins")
      .type_name("TIME")
      .capture_default_str();
}

void declare_rate(declaration& app, bench_options& options, const std::string& what) {
  app.add_option("--rate", options.rate,
                 what +
                     " a second, all connections together, each timed from when it was due (default: one after "
                     "another on each connection)")
      .type_name("N");
}

action declare_handshake(declaration& app) {
  auto options = std::make_shared<bench_options>();
  options->kind = workload::handshake;
  declare_common(app, *options);
  declare_warm_up(app, *options);
  declare_rate(app, *options, "Handshakes");
  app.add_option("--connections", options->connections, "Handshakes at the same time (default 64)").type_name("N");
  app.add_flag("--resume", options->resumes, "Resume sessions; one that is not is a failure, not_resumed");
  app.add_flag("--mtls", options->shows_certificate,
               "Show the certificate of --cert; a server that does not ask is a failure, no_client_certificate");
  return [options] { return benchmark(*options).run(); };
}

action declare_throughput(declaration& app) {
  auto options = std::make_shared<bench_options>();
  options->kind = workload::throughput;
  declare_common(app, *options);
  declare_warm_up(app, *options);
  app.add_option("--connections", options->connections, "Connections (default 1)").type_name("N");
  app.add_option("--direction", options->direction,
                 "up (to `sluice serve --mode discard`), down (from --mode source) or both (--mode echo)")
      .type_name("up|down|both")
      .capture_default_str();
  return [options] { return benchmark(*options).run(); };
}

action declare_latency(declaration& app) {
  auto options = std::make_shared<bench_options>();
  options->kind = workload::latency;
  declare_common(app, *options);
  declare_warm_up(app, *options);
  declare_rate(app, *options, "Pings");
  app.add_option("--connections", options->connections, "Connections (default 1)").type_name("N");
  app.add_option("--size", options->size, "Size of a ping").type_name("BYTES").capture_default_str();
  return [options] { return benchmark(*options).run(); };
}

action declare_idle(declaration& app) {
  auto options = std::make_shared<bench_options>();
  options->kind = workload::idle;
  declare_common(app, *options);
  app.add_option("--rate", options->rate, "Connections to open per second, each timed from when it was due")
      .type_name("N");
  app.add_option("--connections", options->connections, "Connections to open and keep (default 1000)").type_name("N");
  app.add_option("--openers", options->openers, "Handshakes at a time").type_name("N").capture_default_str();
  return [options] { return benchmark(*options).run(); };
}

constexpr std::array bench_verbs = {
    verb{"handshake", "Connections opened and closed: TCP, handshake, close_notify",
         "  sluice bench handshake localhost:8443 --ca ca.pem\n"
         "  sluice bench handshake localhost:8443 --ca ca.pem --resume --rate 500 --duration 30s --json",
         declare_handshake},
    verb{"throughput", "Bytes per second, up, down or both",
         "  sluice serve --listen 127.0.0.1:8443 --mode source --cert site.pem --key site.key &\n"
         "  sluice bench throughput localhost:8443 --ca ca.pem --direction down",
         declare_throughput},
    verb{"latency", "Round-trip times of echoes, from `sluice serve --mode echo`",
         "  sluice bench latency localhost:8443 --ca ca.pem\n"
         "  sluice bench latency localhost:8443 --ca ca.pem --connections 16 --rate 5000",
         declare_latency},
    verb{"idle", "Connections kept open: how many remain, and the memory they take on this side",
         "  sluice bench idle localhost:8443 --ca ca.pem --connections 10000 --duration 1m", declare_idle},
};

}  // namespace

action declare_bench(declaration& app) { return declare_subverbs(app, bench_verbs); }

}  // namespace sluice::tool
