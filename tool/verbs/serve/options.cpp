// SPDX-License-Identifier: Apache-2.0
#include "verbs/serve/options.hpp"

#include "terminal/files.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "testkit/authority/authority.hpp"
#include "testkit/authority/ocsp.hpp"

#include <algorithm>
#include <span>

namespace sluice::tool {
namespace {

client_auth parse_client_auth(const std::string& text) {
  if (text == "none") return client_auth::none;
  if (text == "optional") return client_auth::optional;
  if (text == "required") return client_auth::required;
  give_up(errc::invalid_argument, "--client-auth", "\"" + text + "\" is not one of its values",
          "write none, optional or required");
}

std::optional<ticket_options> parse_tickets(const std::string& text) {
  if (text == "on") return ticket_options();
  if (text == "off") return std::nullopt;
  give_up(errc::invalid_argument, "--tickets", "\"" + text + "\" is not one of its values", "write on or off");
}

std::uint32_t parse_early_data(const serve_options& options) {
  if (options.early_data.empty()) return 0;
  const auto bytes = parse_count(options.early_data, "--early-data");
  if (bytes > UINT32_MAX)
    give_up(errc::invalid_argument, "--early-data", "the largest number of bytes is " + std::to_string(UINT32_MAX));
  if (options.tickets == "off")
    give_up(errc::invalid_argument, "--early-data", "only clients that resume send any, and there are no tickets",
            "drop --tickets off");
  return static_cast<std::uint32_t>(bytes);
}

// A browser that is offered h2 takes it.
std::vector<std::string> choose_alpn(const serve_options& options) {
  const bool is_http = options.mode == "http";
  auto names = options.tls.alpn_list();
  if (is_http && names.empty()) return {"http/1.1"};
  const auto other = std::ranges::find_if(names, [](const std::string& n) { return !n.starts_with("http/1."); });
  if (is_http && other != names.end())
    give_up(errc::invalid_argument, "--alpn", "http mode does not speak \"" + *other + "\"",
            "write --alpn http/1.1, or drop it");
  return names;
}

misbehaviour parse_fail(const serve_options& options) {
  auto how = parse_misbehaviour(*options.fail);
  if (options.mode == "discard" && (how.after > 0 || how.bytes_a_second > 0))
    give_up(errc::invalid_argument, "--fail", "in discard mode the client is sent nothing, not even the first byte",
            "write after=0:…, or choose another --mode");
  return how;
}

silence_settings parse_silence(const serve_options& options) {
  const std::pair<const std::string&, const char*> given[] = {
      {options.silent_timeout, "--silent-timeout"},
      {options.max_silent, "--max-silent"},
      {options.max_silent_per_address, "--max-silent-per-address"}};
  for (const auto& [text, option] : given) {
    if (!text.empty() && options.fail)
      give_up(errc::invalid_argument, option, "with --fail each client is met as soon as it connects",
              "drop one of the two");
  }
  silence_settings made;
  if (!options.silent_timeout.empty()) made.timeout = parse_duration(options.silent_timeout, "--silent-timeout");
  if (made.timeout && *made.timeout == std::chrono::milliseconds(0))
    give_up(errc::invalid_argument, "--silent-timeout", "no client can be so quick",
            "write a time above 0, for example 5s");
  if (!options.max_silent.empty()) made.most = parse_count(options.max_silent, "--max-silent");
  if (!options.max_silent_per_address.empty())
    made.max_per_address = parse_count(options.max_silent_per_address, "--max-silent-per-address");
  return made;
}

// For this machine and this run. To verify it, pin it: `--ca` with what was printed.
testkit::issued throwaway_site(const boost::asio::ip::address& at) {
  testkit::leaf_options options{.common_name = "localhost", .names = {"localhost", "127.0.0.1", "::1"}};
  if (!at.is_unspecified() && !at.is_loopback()) options.names.push_back(at.to_string());
  return testkit::self_signed(options).value();
}

void staple(std::vector<identity>& sites, const std::vector<std::string>& files) {
  if (files.size() > sites.size())
    give_up(errc::invalid_argument, "--ocsp", "there are more responses than certificates",
            "give one for each --cert, in order");
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i] == "none") continue;
    const auto response = read_file(files[i]);
    testkit::check_staple(response, sites[i].leaf(), files[i]).value();
    const auto bytes = std::as_bytes(std::span(response));
    sites[i] = sites[i].with_ocsp_response({bytes.begin(), bytes.end()}).value();
  }
}

}  // namespace

void serve_options::declare(declaration& app) {
  app.add_option("--listen", listen, "ADDRESS:PORT; port 0 is any free one, :PORT is on 127.0.0.1")
      .required()
      .type_name("ADDRESS");
  app.add_option("--mode", mode, "What the server does with data; http is a page that shows what the server saw")
      .capture_default_str()
      .type_name("echo|http|discard|source");
  app.add_option("--client-auth", client_auth, "Whether clients must send a certificate (mTLS); see --ca")
      .capture_default_str()
      .type_name("none|optional|required");
  app.add_option("--ocsp", ocsp, "Staple this OCSP response (DER); for several --cert one each, or none, in order")
      .allow_extra_args(false)
      .type_name("FILE");
  app.add_flag("--alpn-optional", alpn_is_optional,
               "Serve clients that offer ALPN and none of --alpn, without a protocol; else they are refused");
  app.add_option("--tickets", tickets, "Whether clients may resume").capture_default_str().type_name("on|off");
  app.add_option("--early-data", early_data, "Accept up to N bytes of early data (0-RTT) from clients that resume")
      .type_name("N");
  app.add_option("--max-connections", max_clients, "Serve at most this many clients at a time").type_name("N");
  app.add_option("--silent-timeout", silent_timeout,
                 "Close a connection that has not sent its first record by then; default: --timeout")
      .type_name("TIME");
  app.add_option("--max-silent", max_silent,
                 "Keep at most this many such clients; one more closes the oldest. 4096 unless given; never more than "
                 "half of the descriptors")
      .type_name("N");
  app.add_option("--max-silent-per-address", max_silent_per_address,
                 "And at most this many from one address (IPv6: a /64), whose own oldest goes; none unless given")
      .type_name("N");
  app.add_option("--exit-after", exit_after, "Stop after this many handshakes, failed ones included").type_name("N");
  app.add_option("--fail", fail,
                 "Fail on purpose: handshake=close|reset|stall|alert:NAME, delay=TIME, after=BYTES:close|reset|stall, "
                 "slow=BYTES a second; every=N, first=N choose whom. With commas: after=1000:reset,first=2")
      .type_name("HOW");
  sites.declare(app);
  app.add_option("--sessions", sites.shared.sessions, "Concurrent signatures with a token's key (default 8)")
      .range(1, 65535)
      .type_name("N");
  watch.declare(app);
  tls.declare_protocol(app);
}

server_settings serve_options::settings() const {
  server_settings made;
  made.listen = parse_listen_address(listen);
  const auto known = serve_mode_from(mode);
  if (!known)
    give_up(errc::invalid_argument, "--mode", "\"" + mode + "\" is not one of its values",
            "write echo, http, discard or source");
  made.mode = *known;
  if (!max_clients.empty()) made.max_clients = parse_count(max_clients, "--max-connections");
  if (!exit_after.empty()) made.exit_after = parse_count(exit_after, "--exit-after");
  if (fail) made.fail = parse_fail(*this);
  made.silent = parse_silence(*this);
  made.timeout = tls.time_limit();
  return made;
}

server_identities load_identities(const serve_options& options, const boost::asio::ip::address& listens_at) {
  server_identities made{.all = options.sites.load()};
  if (made.all.empty()) {
    const auto issued = throwaway_site(listens_at);
    made.throwaway = issued.certificate;
    made.all.push_back(identity::from_pem(issued.chain, issued.key).value());
  }
  staple(made.all, options.ocsp);
  made.has_token_key = std::ranges::any_of(made.all, [](const identity& one) { return one.key() != nullptr; });
  return made;
}

server_options make_server_options(const serve_options& options, const server_identities& who) {
  server_options made;
  made.identities = who.all;
  made.client_auth = parse_client_auth(options.client_auth);
  made.trust = options.tls.load_trust();
  if (made.client_auth != client_auth::none && !made.trust) {
    give_up(errc::trust_store_empty, "--client-auth", "no authority is trusted to issue client certificates",
            "add --ca FILE");
  }
  made.policy = options.tls.policy;
  made.versions = options.tls.versions();
  made.alpn = choose_alpn(options);
  made.alpn_is_optional = options.alpn_is_optional;
  made.max_chain = options.tls.max_chain;
  made.tickets = parse_tickets(options.tickets);
  made.max_early_data = parse_early_data(options);
  made.key_log = options.tls.open_key_log();
  made.blinding = blinding::at_most(std::chrono::seconds(0));
  return made;
}

}  // namespace sluice::tool
