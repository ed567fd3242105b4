// SPDX-License-Identifier: Apache-2.0
#include "load/press.hpp"

#include "testkit/load/echo_probe.hpp"
#include "testkit/load/handshake_load.hpp"
#include "testkit/load/loop_thread.hpp"

#include "sluice/asio/connect.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iomanip>
#include <sstream>

namespace bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using namespace std::chrono_literals;

asio::awaitable<sluice::testkit::probe_result> connect_and_probe(tcp::endpoint server, sluice::context tls,
                                                                 sluice::testkit::probe_settings settings) {
  sluice::failure error;
  const sluice::connect_options options{.timeout = 30s, .server_name = "localhost", .failure = &error};
  const auto port = std::to_string(server.port());
  auto outcome = co_await sluice::async_connect(tls, "127.0.0.1", port, options, asio::as_tuple(asio::use_awaitable));
  if (std::get<0>(outcome)) throw sluice::error(error);
  auto result = co_await sluice::testkit::probe_echo(std::get<1>(outcome), settings);
  co_return result;
}

double ms(std::chrono::nanoseconds t) { return std::chrono::duration<double, std::milli>(t).count(); }

}  // namespace

sluice::context make_client(const std::string& ca, std::shared_ptr<sluice::session_store> sessions) {
  sluice::client_options options;
  options.trust = sluice::trust::from_file(ca).value();
  options.blinding = sluice::blinding::at_most(0s);
  options.sessions = std::move(sessions);
  return sluice::context::client(options).value();
}

std::string press(const std::string& port, const std::string& ca, std::size_t clients, double rate, double seconds) {
  const auto tls = make_client(ca);
  const tcp::endpoint server(asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoul(port)));
  sluice::testkit::load_settings settings{.server = server, .clients = clients, .rate = {}};
  if (rate > 0) settings.rate = rate;
  sluice::testkit::probe_settings pings;
  pings.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));

  sluice::testkit::loop_thread client_loop, probe_loop;
  sluice::testkit::handshake_load load(client_loop.io(), tls, settings);
  auto probing = probe_loop.run(connect_and_probe(server, tls, pings));
  asio::post(client_loop.io(), [&load] { load.start(); });
  const auto probed = probing.get();
  client_loop.stop();
  const auto& loaded = load.result();
  std::ostringstream out;
  out << "{\"per_second\":" << loaded.per_second(probed.began, probed.ended) << ",\"failed\":" << loaded.failed
      << ",\"p50_ms\":" << ms(probed.echoes.percentile(50)) << ",\"p99_ms\":" << ms(probed.echoes.percentile(99))
      << ",\"lost\":" << probed.lost
      << ",\"first_failure\":" << std::quoted(loaded.first_failure ? loaded.first_failure->message() : "") << "}";
  return out.str();
}

}  // namespace bench
