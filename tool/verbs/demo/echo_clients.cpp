// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/echo_clients.hpp"

#include "terminal/failure.hpp"
#include "verbs/demo/child.hpp"
#include "testkit/load/loop_thread.hpp"

#include "testkit/coroutines/connect_once.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
constexpr auto limit = std::chrono::seconds(30);

std::string hash(const std::string& text) { return text.empty() ? text : sha256_hex(std::as_bytes(std::span(text))); }

asio::awaitable<void> write_all(tcp_stream& s, const std::string& text) {
  co_await asio::async_write(s, asio::buffer(text), testkit::use_tuple);
}
asio::awaitable<void> read_all(tcp_stream& s, std::string& text) {
  auto [ec, n] = co_await asio::async_read(s, asio::buffer(text), testkit::use_tuple);
  text.resize(n);
}

// Both directions at once: an echo of a long text fills every buffer on the way.
asio::awaitable<echo_outcome> converse(asio::ip::tcp::endpoint server, context tls, const std::string& text) {
  using namespace asio::experimental::awaitable_operators;
  echo_outcome made{.client = "sluice", .echo_sha256 = {}, .error = {}};
  const connect_options options{.timeout = limit, .server_name = "localhost"};
  auto connected = co_await testkit::connect_once(tls, server, options);
  if (connected.error) {
    made.error = std::move(connected.error);
    co_return made;
  }
  auto& s = *connected.stream;
  std::string back(text.size(), '\0');
  co_await (write_all(s, text) && read_all(s, back));
  made.echo_sha256 = hash(back);
  if (back != text) {
    made.error = make_failure(
        errc::verdict_failed, "echo",
        "of " + std::to_string(text.size()) + " bytes " + std::to_string(back.size()) + " came back, not the same");
  }
  co_await s.async_shutdown(testkit::use_tuple);
  co_return made;
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of("\r\n ");
  if (end == text.npos) return "it wrote nothing";
  const auto begin = text.find_last_of('\n', end);
  return text.substr(begin == text.npos ? 0 : begin + 1, end - (begin == text.npos ? 0 : begin + 1) + 1);
}

}  // namespace

echo_outcome echo_with_sluice(const asio::ip::tcp::endpoint& server, const context& tls, const std::string& text,
                              const interrupt_watch& watch) {
  testkit::loop_thread loop;
  return watch.wait(loop.run(converse(server, tls, text)));
}

echo_outcome echo_with_openssl(const asio::ip::tcp::endpoint& server, const std::string& ca_file, tls_version version,
                               const std::string& text, const interrupt_watch& watch) {
  // -quiet: letters at the start of a line are text, not commands.
  const std::vector<std::string> command = {"openssl",
                                            "s_client",
                                            "-quiet",
                                            "-connect",
                                            server.address().to_string() + ":" + std::to_string(server.port()),
                                            "-servername",
                                            "localhost",
                                            "-verify_hostname",
                                            "localhost",
                                            "-verify_return_error",
                                            "-CAfile",
                                            ca_file,
                                            "-alpn",
                                            "h2,http/1.1",
                                            version == tls_version::tls1_2 ? "-tls1_2" : "-tls1_3"};
  const auto ran = run_child(command, text, text.size(), limit, [&watch] { watch.check(); });
  echo_outcome made{.client = "openssl", .echo_sha256 = hash(ran.output), .error = {}};
  if (ran.output != text) {
    made.error = make_failure(errc::verdict_failed, "openssl s_client",
                              "of " + std::to_string(text.size()) + " bytes " + std::to_string(ran.output.size()) +
                                  " came back; " + last_line(ran.complaint));
  }
  return made;
}

}  // namespace sluice::tool
