// SPDX-License-Identifier: Apache-2.0
// `sluice serve`: a TLS server for tests and demonstrations.
#include "terminal/exit_code.hpp"
#include "terminal/descriptor_limit.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "server/server.hpp"
#include "verbs/serve/options.hpp"
#include "server/page.hpp"
#include "terminal/dates.hpp"
#include "terminal/json.hpp"
#include "client/words.hpp"
#include "terminal/token_json.hpp"
#include "server/rehearsal.hpp"
#include "verbs/serve/serve.hpp"

#include "sluice/observe.hpp"
#include "sluice/pkcs11/key.hpp"
#include "sluice/printable.hpp"

#include <boost/asio/signal_set.hpp>

#include <fmt/format.h>

#include <csignal>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

// From the first thing this verb does to the last, SIGINT and SIGTERM are ours: one that arrives while the token's
// module is being loaded or finalized has the same effect as at any other time.
class stop_signals {
 public:
  explicit stop_signals(asio::io_context& io) : set_(std::in_place, io, SIGINT, SIGTERM) {}
  stop_signals(const stop_signals&) = delete;
  stop_signals& operator=(const stop_signals&) = delete;
  ~stop_signals() {
    set_.reset();  // which gives the signals back their deadly meaning
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
  }

  asio::signal_set& operator*() { return *set_; }

 private:
  std::optional<asio::signal_set> set_;
};

class serving {
 public:
  explicit serving(const serve_options& options)
      : is_json_(options.tls.json),
        settings_(options.settings()),
        who_(load_identities(options, settings_.listen.address())),
        tls_(make_context(options)),
        server_(io_, tls_, settings_, events()) {}

  int run() {
    bool is_forced = false;
    std::function<void(boost::system::error_code, int)> on_signal = [&](boost::system::error_code ec, int) {
      if (ec) return;
      // A second signal means: do not wait.
      if (std::exchange(has_signal_, true)) {
        is_forced = true;
        return io_.stop();
      }
      server_.drain();
      (*signals_).async_wait(on_signal);
    };
    (*signals_).async_wait(on_signal);
    asio::signal_set questions(io_, SIGUSR1);
    ask(questions);
    server_.start();
    announce();  // from here on its reader may connect, or send a signal
    io_.run();
    if (is_json_) report(statistics("closed", who_.has_token_key));
    return is_forced ? exit_interrupted : exit_ok;
  }

 private:
  // On SIGUSR1: how things stand.
  void ask(asio::signal_set& questions) {
    questions.async_wait([this, &questions](boost::system::error_code ec, int) {
      if (ec) return;
      tell_statistics();
      ask(questions);
    });
  }

  json::object statistics(std::string_view event, bool with_tokens) const {
    const auto counted = counts_->snapshot();
    json::object made{{"event", event}, {"handshakes", server_.handshakes()}, {"failed", server_.failed()}};
    if (with_tokens) add_tokens(made, counted.resumed);
    // Of the connections that are gone.
    made["traffic"] = json::object{{"connections", counted.connections_closed},
                                   {"received", describe(counted.received)},
                                   {"sent", describe(counted.sent)}};
    return made;
  }

  void add_tokens(json::object& made, std::uint64_t resumed) const {
    json::array tokens;
    for (const auto& one : pkcs11::statistics()) tokens.emplace_back(describe(one));
    made["resumed"] = resumed;
    made["signatures_saved"] = who_.has_token_key ? resumed : 0;
    made["tokens"] = std::move(tokens);
  }

  void tell_statistics() const {
    if (is_json_) return report(statistics("stats", true));
    tell_people(counts_->snapshot().resumed);
  }

  void tell_people(std::uint64_t resumed) const {
    say(fmt::format("{} handshakes, {} failed, {} resumed", server_.handshakes(), server_.failed(), resumed));
    for (const auto& t : pkcs11::statistics()) {
      say(fmt::format(
          "token \"{}\": circuit {}, {} sessions, {} queued, {} signed, {} failed, {} logins, {} workers written off",
          t.token, circuit_text(t.circuit), t.sessions_open, t.queued, t.operations, t.failures, t.logins,
          t.written_off));
    }
  }

  context make_context(const serve_options& options) {
    auto made = make_server_options(options, who_);
    for (const auto& error : rehearse_all(made)) complain(error);
    made.observer = options.watch.watch(stdout, is_json_, counts_);
    return context::server(made).value();
  }

  void announce() {
    const auto address = to_text(server_.address());
    if (is_json_) {
      report({{"event", "listening"}, {"address", address}});
      if (!who_.throwaway.empty()) screen(stderr).lines(who_.throwaway);
      return;
    }
    out_.line("listening " + address);
    if (!who_.throwaway.empty()) {
      out_.line(out_.paint(tone::quiet,
                           "a certificate for this run, self-signed, for localhost; clients verify it with --ca:"));
      out_.lines(who_.throwaway);
    }
    out_.flush();
  }

  server_events events() {
    return {.on_handshake =
                [this](const handshake_result& one) {
                  if (one.client && settings_.mode == serve_mode::http)
                    one.client->facts = facts_of(*one.client, tls_.policy().name);
                  is_json_ ? tell_json(one) : tell_people(one);
                },
            .on_draining =
                [this] {
                  is_json_ ? report({{"event", "draining"}}) : say("draining");
                },
            .on_trouble = [](const failure& error) { complain(error); }};
  }

  void tell_json(const handshake_result& one) {
    const auto info = one.client ? std::optional(one.client->s.info()) : std::nullopt;
    const auto error = one.error ? std::optional(*one.error) : std::nullopt;
    json::object event{{"event", "handshake"},
                       {"peer", one.peer ? json::value(to_text(*one.peer)) : json::value(nullptr)},
                       {"ok", one.client != nullptr},
                       {"tls", describe_tls(info, tls_.policy().name, info && info->ocsp_stapled ? "good" : "none")},
                       {"error", describe(error)},
                       {"sign_ms", nullptr},
                       {"client_subject", nullptr}};
    if (one.client) {
      event["sign_ms"] = milliseconds(one.client->s.timings().signing);
      event["client_subject"] = text_or_null(subject_of(*one.client));
    }
    report(event);
  }

  void tell_people(const handshake_result& one) {
    const auto peer = one.peer ? to_text(*one.peer) : std::string("a client that left at once");
    if (one.error) return say(fmt::format("{} {}: {}", out_.verdict(false), peer, one.error->message()));
    const auto& s = one.client->s;
    auto text = fmt::format("{} {}  {}", out_.verdict(true), peer, summary(s.info()));
    if (const auto signing = s.timings().signing; signing.count() > 0) text += "  signing " + short_time(signing);
    if (s.info().resumed) text += "  resumed";
    if (const auto subject = subject_of(*one.client); !subject.empty())
      text += "  client \"" + printable(subject) + "\"";
    if (s.info().early_data == early_data::accepted) text += fmt::format("  {} bytes early", s.info().early_bytes);
    if (s.info().early_data == early_data::rejected) text += "  early data rejected";
    say(text);
  }

  static std::string subject_of(const served_client& client) {
    const auto chain = client.s.verified_chain();
    return chain.empty() ? std::string() : chain.front().subject();
  }

  void report(const json::object& event) const { say(to_text(event)); }
  void say(std::string_view line) const {
    out_.line(line);
    out_.flush();
  }

  const screen out_{stdout};
  const bool is_json_;
  bool has_signal_ = false;
  const server_settings settings_;
  const std::shared_ptr<counters> counts_ = std::make_shared<counters>();
  asio::io_context io_{1};
  stop_signals signals_{io_};
  const server_identities who_;
  const context tls_;
  server server_;
};

}  // namespace

action declare_serve(declaration& app) {
  auto options = std::make_shared<serve_options>();
  options->declare(app);
  return [options] {
    raise_descriptor_limit();
    return serving(*options).run();
  };
}

}  // namespace sluice::tool
