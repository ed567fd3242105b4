// SPDX-License-Identifier: Apache-2.0
// `sluice connect`: a pipe through TLS. stdout is the peer's alone; notes and errors go to stderr.
#include "terminal/exit_code.hpp"
#include "terminal/files.hpp"
#include "terminal/run.hpp"
#include "terminal/failure.hpp"
#include "client/key_update.hpp"
#include "client/late_verdict.hpp"
#include "client/probe.hpp"
#include "client/pump.hpp"
#include "client/session_file.hpp"
#include "client/json.hpp"
#include "client/words.hpp"
#include "verbs/connect/connect.hpp"

#include <boost/asio/this_coro.hpp>

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

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

void print_half_close() {
  const screen notes(stderr);
  notes.line(
      "sluice: the peer has ended its side (close_notify) and can still read: what comes from standard input goes to "
      "it, until its end (Ctrl-D)");
  notes.flush();
}

// What is read before the first signal is handled: stdin may block, and Ctrl-C must end that.
struct pipe_input {
  std::string early_data;
  std::shared_ptr<session_file> sessions;  // null without --session-in and --session-out
};

pipe_input read_input(const pipe_options& options) {
  pipe_input made;
  if (!options.early_data.empty()) made.early_data = read_early_data(options.early_data);
  if (options.has_session()) made.sessions = std::make_shared<session_file>(options.session_in, options.session_out);
  return made;
}

struct pipe_plan {
  client_plan client;
  bool is_json = false;
};

pipe_plan make_plan(const pipe_options& options, pipe_input input) {
  pipe_plan made{.client = make_plan(options.client, std::move(input.sessions)), .is_json = options.client.tls.json};
  made.client.early_data = std::move(input.early_data);
  return made;
}

// The pipe, once the connection is open; the failure that ended it.
asio::awaitable<std::optional<failure>> converse(const pipe_plan& p, opened_connection& made) {
  auto& s = *made.stream;
  const auto& r = made.report;
  const auto& early_data = p.client.early_data;
  const screen notes(stderr);
  // On a terminal a person sees the peer's identity at once; a script sees nothing unless something goes wrong.
  if (notes.is_terminal() && !p.is_json) {
    notes.line(verdict_line(r, notes));
    notes.line("  " + notes.paint(tone::quiet, summary(*r.info)));
    notes.flush();
  }
  const auto rest = std::string_view(early_data).substr(r.info->early_bytes);
  if (!early_data.empty() && !p.is_json) {
    notes.line("sluice: early data: " + early_words(*r.info, early_data.size()));
    notes.flush();
  }
  std::function<void()> on_half_close;
  if (!p.is_json) on_half_close = print_half_close;
  const auto before = s.statistics().received.records;
  auto error = co_await pump(s, p.client.timeout, rest, std::move(on_half_close));
  const auto counted = s.statistics();
  const bool is_silent =
      error ? error->code == errc::truncated || error->code == errc::connection_reset : counted.alert_received == 0;
  auto refusal = is_silent ? silent_refusal(r, counted, before) : std::nullopt;
  co_return refusal ? std::move(refusal) : std::move(error);
}

// Makes `plan`, and goes by it. Throws sluice::error where the options are wrong, before the connection is begun.
asio::awaitable<opened_connection> open_and_converse(const pipe_options& options, pipe_input input,
                                                     std::optional<pipe_plan>& plan) {
  // From the start: a signal that comes too early must not end the process.
  key_updates updates(co_await asio::this_coro::executor);
  plan = make_plan(options, std::move(input));
  auto made = co_await open_connection(plan->client);
  if (!made.stream || made.report.error) co_return made;
  updates.follow(*made.stream);
  made.report.error = co_await converse(*plan, made);
  co_return made;
}

// What became of the session files.
void report_sessions(const session_file& sessions, const pipe_options& options, connection_report& r) {
  const screen notes(stderr);
  if (const auto unused = sessions.unused()) notes.line("sluice: " + *unused + "; the handshake was a full one");
  if (r.info && sessions.lacks_session()) {
    notes.line("sluice: " + options.session_out + ": not written: the server gave no session");
  }
  if (const auto unwritten = sessions.unwritten(); unwritten && !r.error) r.error = unwritten;
}

void print_json(const opened_connection& made) {
  auto answer = describe(made.report);
  answer["statistics"] = made.stream ? json::value(describe(made.stream->statistics())) : json::value(nullptr);
  screen(stderr).line(to_text(answer));
}

int fail(const pipe_options& options, const failure& error) {
  if (options.client.tls.json) {
    print_json({.report = unplanned_report(options.client, error), .stream = std::nullopt});
  } else {
    complain(error);
  }
  return exit_code_of(error);
}

int connect(const pipe_options& options) {
  std::optional<pipe_plan> plan;
  asio::io_context io;  // outlives the connection
  opened_connection made;
  try {
    auto input = read_input(options);
    const auto sessions = input.sessions;
    auto done = run_to_end(io, open_and_converse(options, std::move(input), plan));
    if (done) {
      made = std::move(*done);
    } else {
      made.report = plan ? interrupted_report(plan->client)
                         : unplanned_report(options.client, make_failure(errc::cancelled, options.client.address));
    }
    if (sessions) report_sessions(*sessions, options, made.report);
  } catch (const error& e) {
    return fail(options, e.why());
  }
  const auto& r = made.report;
  if (options.client.tls.json) {
    print_json(made);
  } else if (r.error) {
    const screen notes(stderr);
    notes.line(verdict_line(r, notes));
  }
  return r.error ? exit_code_of(*r.error) : exit_ok;
}

}  // namespace

action declare_connect(declaration& app) {
  auto options = std::make_shared<pipe_options>();
  options->client.declare(app);
  app.add_option("--session-in", options->session_in, "Resume the session in this file, if the server still accepts it")
      .type_name("FILE");
  app.add_option("--session-out", options->session_out,
                 "Write the newest session to this file, for --session-in; it is a secret")
      .type_name("FILE");
  app.add_option("--early-data", options->early_data,
                 "Send this file first (-: the beginning of stdin), early where the session of --session-in allows it")
      .needs("--session-in")
      .type_name("FILE");
  return [options] { return connect(*options); };
}

}  // namespace sluice::tool
