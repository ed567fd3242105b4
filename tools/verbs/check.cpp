// SPDX-License-Identifier: Apache-2.0
// `sluice check`: one handshake, one verdict.
#include "cli/exit_code.hpp"
#include "cli/run.hpp"
#include "cli/trouble.hpp"
#include "net/client.hpp"
#include "show/json.hpp"
#include "show/words.hpp"
#include "verbs/table.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

// In TLS 1.3 a client is done before the server has judged the client's certificate: an alert may still come, in
// answer to our goodbye, or, from a server that is gone already, before it.
asio::awaitable<void> part(dialled& d) {
  constexpr auto patience = std::chrono::milliseconds(300);
  auto& s = *d.stream;
  s.set_timeouts(patience, patience);
  auto [ec] = co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
  if (ec == errc::reset) {
    std::array<char, 1> nothing;
    auto [read_ec, n] = co_await s.async_read_some(asio::buffer(nothing), asio::as_tuple(asio::use_awaitable));
    ec = read_ec;
  }
  if (ec != errc::alert || d.report.why) co_return;
  d.report.why = s.last_failure();
  d.report.why->where = d.report.to.text();
}

asio::awaitable<dialled> look(const client_verb_options& options) {
  auto d = co_await dial(options);
  if (d.stream) co_await part(d);
  co_return d;
}

int check(const client_verb_options& options) {
  asio::io_context io;
  auto done = run_to_end(io, look(options));
  const auto d = done ? std::move(*done) : interrupted_dial(options);
  const auto& r = d.report;
  const screen out(stdout);
  if (options.tls.json) {
    out.line(to_text(describe(r)));
  } else if (!d.has_begun) {
    complain(*r.why);
  } else {
    out.line(verdict_line(r, out));
    print_details(r, out);
  }
  return r.why ? exit_code_of(*r.why) : exit_ok;
}

}  // namespace

action declare_check(CLI::App& app) {
  auto options = std::make_shared<client_verb_options>();
  options->declare(app);
  return [options] { return check(*options); };
}

}  // namespace sluice::tool
