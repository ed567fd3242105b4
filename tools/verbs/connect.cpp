// SPDX-License-Identifier: Apache-2.0
// `sluice connect`: a pipe through TLS. stdout is the peer's alone; what we have to say goes to stderr.
#include "cli/exit_code.hpp"
#include "cli/run.hpp"
#include "cli/trouble.hpp"
#include "net/client.hpp"
#include "net/pump.hpp"
#include "show/json.hpp"
#include "show/words.hpp"
#include "verbs/table.hpp"

#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

asio::awaitable<dialled> talk(const client_verb_options& options) {
  auto d = co_await dial(options);
  if (!d.stream || d.report.why) co_return d;
  const screen notes(stderr);
  // A person sees at once whom they talk to; a script sees nothing unless something goes wrong.
  if (notes.is_terminal() && !options.tls.json) {
    notes.line(verdict_line(d.report, notes));
    notes.line("  " + notes.paint(tone::quiet, summary(*d.report.info)));
    notes.flush();
  }
  d.report.why = co_await pump(*d.stream, options.tls.time_limit());
  co_return d;
}

int connect(const client_verb_options& options) {
  asio::io_context io;
  auto done = run_to_end(io, talk(options));
  const auto d = done ? std::move(*done) : interrupted_dial(options);
  const auto& r = d.report;
  const screen notes(stderr);
  if (options.tls.json) {
    auto told = describe(r);
    told["statistics"] = d.stream ? json::value(describe(d.stream->statistics())) : json::value(nullptr);
    notes.line(to_text(told));
  } else if (r.why && !d.has_begun) {
    complain(*r.why);
  } else if (r.why) {
    notes.line(verdict_line(r, notes));
  }
  return r.why ? exit_code_of(*r.why) : exit_ok;
}

}  // namespace

action declare_connect(CLI::App& app) {
  auto options = std::make_shared<client_verb_options>();
  options->declare(app);
  return [options] { return connect(*options); };
}

}  // namespace sluice::tool
