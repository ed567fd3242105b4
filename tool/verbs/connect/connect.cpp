// SPDX-License-Identifier: Apache-2.0
// `sluice connect`: a pipe through TLS. stdout is the peer's alone; what we have to say goes to stderr.
#include "terminal/exit_code.hpp"
#include "terminal/files.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "client/plan.hpp"
#include "client/key_update.hpp"
#include "client/late_verdict.hpp"
#include "client/pump.hpp"
#include "client/session_file.hpp"
#include "client/json.hpp"
#include "client/words.hpp"
#include "verbs/connect/connect.hpp"

#include <boost/asio/this_coro.hpp>

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct pipe_options {
  client_verb_options client;
  std::string session_in, session_out, early_data;

  bool has_session() const { return !session_in.empty() || !session_out.empty(); }
};

// A whole file, or as much of stdin as comes before its end: at most what servers usually take, the pump has the rest.
std::string read_early_data(const std::string& place) {
  if (place != "-") return read_file(place);
  std::string text(16384, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto n = ::read(STDIN_FILENO, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

std::string early_words(const connection_info& info, std::size_t given) {
  const auto after = std::string("; all of it is sent after the handshake");
  if (info.early_data == early_data::rejected) return "the server rejected it" + after;
  if (info.early_data == early_data::none) return "no session allowed it" + after;
  const auto taken = std::to_string(info.early_bytes) + " of " + std::to_string(given) + " bytes";
  return "the server took " + taken + (info.early_bytes < given ? "; the rest is sent after the handshake" : "");
}

void tell_that_the_peer_is_done() {
  const screen notes(stderr);
  notes.line(
      "sluice: the peer has ended its side (close_notify) and can still read: what comes from standard input goes to "
      "it, until its end (Ctrl-D)");
  notes.flush();
}

asio::awaitable<dialled> talk(const client_verb_options& options) {
  // From the start: who sends the signal too early must not kill us with it.
  const auto executor = co_await asio::this_coro::executor;
  key_updates updates(executor);
  auto d = co_await dial(options);
  if (!d.stream || d.report.why) co_return d;
  updates.follow(*d.stream);
  const screen notes(stderr);
  // A person sees at once whom they talk to; a script sees nothing unless something goes wrong.
  if (notes.is_terminal() && !options.tls.json) {
    notes.line(verdict_line(d.report, notes));
    notes.line("  " + notes.paint(tone::quiet, summary(*d.report.info)));
    notes.flush();
  }
  const auto rest = std::string_view(options.early_data).substr(d.report.info->early_bytes);
  if (!options.early_data.empty() && !options.tls.json) {
    notes.line("sluice: early data: " + early_words(*d.report.info, options.early_data.size()));
    notes.flush();
  }
  std::function<void()> tell_half_close;
  if (!options.tls.json) tell_half_close = tell_that_the_peer_is_done;
  const auto before = d.stream->statistics().received.records;
  auto why = co_await pump(*d.stream, options.tls.time_limit(), rest, std::move(tell_half_close));
  const auto counted = d.stream->statistics();
  const bool is_mute = why ? why->code == errc::truncated || why->code == errc::connection_reset : counted.alert_received == 0;
  auto refusal = is_mute ? unsaid_refusal(d.report, counted, before) : std::nullopt;
  d.report.why = refusal ? std::move(refusal) : std::move(why);
  co_return d;
}

// What became of the session files, for whoever waits for them.
void tell(const session_file& sessions, const pipe_options& options, connection_report& r) {
  const screen notes(stderr);
  if (const auto unused = sessions.unused()) notes.line("sluice: " + *unused + "; the handshake was a full one");
  if (r.info && sessions.lacks_session()) {
    notes.line("sluice: " + options.session_out + ": not written: the server gave no session");
  }
  if (const auto trouble = sessions.unwritten(); trouble && !r.why) r.why = trouble;
}

// What it answers lives no longer than `io`.
dialled run(asio::io_context& io, const pipe_options& given) {
  auto options = given.client;
  std::shared_ptr<session_file> sessions;
  try {
    if (!given.early_data.empty()) options.early_data = read_early_data(given.early_data);
    if (given.has_session()) sessions = std::make_shared<session_file>(given.session_in, given.session_out);
  } catch (const error& e) {
    dialled none;
    none.report.to.host = options.address;
    none.report.why = e.why();
    return none;
  }
  options.sessions = sessions;
  auto done = run_to_end(io, talk(options));
  auto d = done ? std::move(*done) : interrupted_dial(options);
  if (sessions) tell(*sessions, given, d.report);
  return d;
}

int connect(const pipe_options& given) {
  asio::io_context io;
  const auto d = run(io, given);
  const auto& r = d.report;
  const auto& options = given.client;
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
  auto options = std::make_shared<pipe_options>();
  options->client.declare(app);
  app.add_option("--session-in", options->session_in, "Resume the session in this file, if the server still takes it")
      ->type_name("FILE");
  app.add_option("--session-out", options->session_out, "Keep the newest session here, for --session-in: a secret")
      ->type_name("FILE");
  app.add_option("--early-data", options->early_data,
                 "Send this file first (-: the beginning of stdin), early where the session of --session-in allows it")
      ->needs("--session-in")
      ->type_name("FILE");
  return [options] { return connect(*options); };
}

}  // namespace sluice::tool
