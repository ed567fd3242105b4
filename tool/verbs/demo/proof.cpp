// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/proof.hpp"

#include "terminal/failure.hpp"
#include "testkit/coroutines/connect_once.hpp"
#include "testkit/peers/faulty_module.hpp"
#include "testkit/load/echo_probe.hpp"
#include "verbs/demo/echo_server.hpp"
#include "testkit/load/handshake_load.hpp"
#include "testkit/load/loop_thread.hpp"

#include <boost/asio/post.hpp>

#include <fmt/format.h>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

enum class load { none, paced, restless };

asio::awaitable<testkit::probe_result> connect_and_probe(tcp::endpoint server, context tls) {
  const connect_options options{.timeout = std::chrono::seconds(10), .server_name = "localhost"};
  auto connected = co_await testkit::connect_once(tls, server, options);
  if (connected.error) throw error(*connected.error);
  const testkit::probe_settings settings;
  auto result = co_await testkit::probe_echo(*connected.stream, settings);
  co_return result;
}

// Three threads beside the server's: clients, the probe, and this one, which waits.
proof_phase measure(const tcp::endpoint& server, const context& tls, load kind, const interrupt_watch& watch) {
  testkit::load_settings settings{.server = server, .clients = proof::clients, .rate = {}};
  if (kind == load::paced) settings.rate = proof::bound;
  testkit::loop_thread client_loop;
  testkit::loop_thread probe_loop;
  testkit::handshake_load clients(client_loop.io(), tls, settings);
  auto probing = probe_loop.run(connect_and_probe(server, tls));
  if (kind != load::none) asio::post(client_loop.io(), [&clients] { clients.start(); });
  const auto probed = watch.wait(std::move(probing));
  client_loop.stop();

  const auto& loaded = clients.result();
  return {.p50 = probed.echoes.percentile(50),
          .p99 = probed.echoes.percentile(99),
          .per_second = loaded.per_second(probed.began, probed.ended),
          .lost_pings = probed.lost,
          .failed = loaded.failed,
          .first_failure = loaded.first_failure};
}

}  // namespace

proof run_proof(const stage& s, const std::string& faulty_module, const interrupt_watch& watch,
                const std::function<void(std::string_view)>& progress) {
  testkit::set_up_faulty_module(s.module_path(), s.write("slow.toml", fmt::format("[latency]\nC_Sign = \"{}ms\"\n",
                                                                                  proof::signature_time.count())));
  const auto tls = s.client();
  const auto token_tls = s.server(s.sites().front(), faulty_module);
  testkit::loop_thread server_loop;
  echo_server memory(server_loop.io(), s.server_in_memory());
  echo_server token(server_loop.io(), token_tls);
  struct stop_first {  // servers are destroyed when their thread has ended
    testkit::loop_thread& loop;
    ~stop_first() { loop.stop(); }
  } const stop{server_loop};

  proof made;
  progress("no other connection");
  made.idle = measure(token.address(), tls, load::none, watch);
  progress("64 clients, key in memory");
  made.memory = measure(memory.address(), tls, load::paced, watch);
  progress("64 clients, key in the slow token");
  made.token = measure(token.address(), tls, load::restless, watch);
  return made;
}

}  // namespace sluice::tool
