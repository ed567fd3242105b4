// SPDX-License-Identifier: Apache-2.0
// `sluice serve`: a TLS server for tests and demonstrations.
#include "cli/exit_code.hpp"
#include "cli/files.hpp"
#include "cli/options.hpp"
#include "cli/trouble.hpp"
#include "cli/values.hpp"
#include "kit/authority.hpp"
#include "net/server.hpp"
#include "show/dates.hpp"
#include "show/json.hpp"
#include "show/words.hpp"
#include "token/describe.hpp"
#include "verbs/table.hpp"

#include "sluice/observe.hpp"
#include "sluice/pkcs11/key.hpp"

#include <boost/asio/signal_set.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct serve_options {
  tls_options tls;
  std::string listen, mode = "echo", client_auth = "none", ocsp, most_clients, exit_after;
};

client_auth parse_client_auth(const std::string& text) {
  if (text == "none") return client_auth::none;
  if (text == "optional") return client_auth::optional;
  if (text == "required") return client_auth::required;
  give_up(errc::usage, "--client-auth", "\"" + text + "\" is not one of its values",
          "write none, optional or required");
}

server_settings make_settings(const serve_options& options) {
  server_settings made;
  made.listen = parse_listen_address(options.listen);
  const auto mode = serve_mode_from(options.mode);
  if (!mode)
    give_up(errc::usage, "--mode", "\"" + options.mode + "\" is not one of its values",
            "write echo, http, discard or source");
  made.mode = *mode;
  if (!options.most_clients.empty()) made.most_clients = parse_count(options.most_clients, "--max-connections");
  if (!options.exit_after.empty()) made.exit_after = parse_count(options.exit_after, "--exit-after");
  made.patience = options.tls.time_limit();
  return made;
}

// For this machine and this run. Who wants to verify it pins it: `--ca` with what was printed.
kit::issued throwaway_site(const asio::ip::address& at) {
  kit::leaf_options options{.common_name = "localhost", .names = {"localhost", "127.0.0.1", "::1"}};
  if (!at.is_unspecified() && !at.is_loopback()) options.names.push_back(at.to_string());
  return kit::self_signed(options).value();
}

// From the first thing this verb does to the last, SIGINT and SIGTERM are ours: who sends one while the token's module
// is still being loaded, or is already being put away, gets the same answer as anybody else.
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
        settings_(make_settings(options)),
        tls_(make_context(options)),
        server_(io_, tls_, settings_, events()) {}

  int run() {
    bool is_forced = false;
    std::function<void(boost::system::error_code, int)> on_signal = [&](boost::system::error_code ec, int) {
      if (ec) return;
      // Who asks twice does not want to wait.
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
    announce();  // from here on, whoever reads it may connect, or send a signal
    io_.run();
    if (is_json_) tell(statistics("closed", has_token_key_));
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
    made["signatures_saved"] = has_token_key_ ? resumed : 0;
    made["tokens"] = std::move(tokens);
  }

  void tell_statistics() const {
    if (is_json_) return tell(statistics("stats", true));
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
    server_options made;
    auto site = options.tls.credentials.load();
    if (!site) {
      const auto issued = throwaway_site(settings_.listen.address());
      throwaway_ = issued.certificate;
      site = identity::from_pem(issued.chain, issued.key).value();
    }
    if (!options.ocsp.empty()) {
      const auto staple = read_file(options.ocsp);
      const auto bytes = std::as_bytes(std::span(staple));
      site = site->with_ocsp_response({bytes.begin(), bytes.end()}).value();
    }
    has_token_key_ = site->key() != nullptr;
    made.identities = {*site};
    made.observer = counts_;
    made.client_auth = parse_client_auth(options.client_auth);
    made.trust = options.tls.load_trust();
    if (made.client_auth != client_auth::none && !made.trust) {
      give_up(errc::trust_store_empty, "--client-auth", "nobody is trusted to issue client certificates",
              "add --ca FILE");
    }
    made.policy = options.tls.policy;
    made.versions = options.tls.versions();
    made.alpn = options.tls.alpn_list();
    made.key_log = options.tls.open_key_log();
    made.blinding = blinding::at_most(std::chrono::seconds(0));
    return context::server(made).value();
  }

  void announce() {
    const auto address = to_text(server_.address());
    if (is_json_) {
      tell({{"event", "listening"}, {"address", address}});
      if (!throwaway_.empty()) fmt::print(stderr, "{}", throwaway_);
      return;
    }
    out_.line("listening " + address);
    if (!throwaway_.empty()) {
      out_.line(out_.paint(tone::quiet,
                           "a certificate for this run, self-signed, for localhost; clients verify it with --ca:"));
      fmt::print("{}", throwaway_);
    }
    out_.flush();
  }

  server_events events() {
    return {.on_handshake = [this](const handshake_result& one) { is_json_ ? tell_json(one) : tell_people(one); },
            .on_draining = [this] { is_json_ ? tell({{"event", "draining"}}) : say("draining"); },
            .on_trouble = [](const failure& why) { complain(why); }};
  }

  void tell_json(const handshake_result& one) {
    const auto info = one.client ? std::optional(one.client->s.info()) : std::nullopt;
    const auto why = one.why ? std::optional(*one.why) : std::nullopt;
    json::object event{{"event", "handshake"},
                       {"peer", one.peer ? json::value(to_text(*one.peer)) : json::value(nullptr)},
                       {"ok", one.client != nullptr},
                       {"tls", describe_tls(info, tls_.policy().name, info && info->ocsp_stapled ? "good" : "none")},
                       {"error", describe(why)},
                       {"sign_ms", nullptr},
                       {"client_subject", nullptr}};
    if (one.client) {
      event["sign_ms"] = milliseconds(one.client->s.timings().signing);
      event["client_subject"] = text_or_null(subject_of(*one.client));
      auto page = event;
      page.erase("event");
      one.client->page = to_text(page) + "\n";
    }
    tell(event);
  }

  void tell_people(const handshake_result& one) {
    const auto peer = one.peer ? to_text(*one.peer) : std::string("a client that left at once");
    if (one.why) return say(fmt::format("{} {}: {}", out_.verdict(false), peer, one.why->message()));
    const auto& s = one.client->s;
    auto text = fmt::format("{} {}  {}", out_.verdict(true), peer, summary(s.info()));
    if (const auto signing = s.timings().signing; signing.count() > 0) text += "  signing " + short_time(signing);
    if (const auto subject = subject_of(*one.client); !subject.empty()) text += "  client \"" + subject + "\"";
    say(text);
  }

  static std::string subject_of(const served_client& client) {
    const auto chain = client.s.peer_certificates();
    return chain.empty() ? std::string() : chain.front().subject();
  }

  void tell(const json::object& event) const { say(to_text(event)); }
  void say(std::string_view line) const {
    out_.line(line);
    out_.flush();
  }

  const screen out_{stdout};
  const bool is_json_;
  bool has_signal_ = false;
  const server_settings settings_;
  std::string throwaway_;
  bool has_token_key_ = false;
  const std::shared_ptr<counters> counts_ = std::make_shared<counters>();
  asio::io_context io_{1};
  stop_signals signals_{io_};
  const context tls_;
  server server_;
};

}  // namespace

action declare_serve(CLI::App& app) {
  auto options = std::make_shared<serve_options>();
  app.add_option("--listen", options->listen, "ADDRESS:PORT; port 0 is any free one, :PORT is on 127.0.0.1")
      ->required()
      ->type_name("ADDRESS");
  app.add_option("--mode", options->mode, "echo, http (an answer that tells what we saw), discard or source")
      ->capture_default_str()
      ->type_name("MODE");
  app.add_option("--client-auth", options->client_auth, "Client certificates: none, optional or required; see --ca")
      ->capture_default_str()
      ->type_name("WHETHER");
  app.add_option("--ocsp", options->ocsp, "Staple this OCSP response (DER)")->type_name("FILE");
  app.add_option("--max-connections", options->most_clients, "Serve at most this many clients at a time")
      ->type_name("N");
  app.add_option("--exit-after", options->exit_after, "Stop after this many handshakes, failed ones included")
      ->type_name("N");
  app.add_option("--sessions", options->tls.credentials.sessions,
                 "Signatures at a time by a token's key, 8 unless given: as many as the token makes side by side")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  options->tls.declare(app);
  return [options] { return serving(*options).run(); };
}

}  // namespace sluice::tool
