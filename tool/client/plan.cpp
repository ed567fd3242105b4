// SPDX-License-Identifier: Apache-2.0
#include "client/plan.hpp"

#include "terminal/failure.hpp"
#include "client/saved_chain.hpp"
#include "testkit/coroutines/use_tuple.hpp"
#include "terminal/dates.hpp"

#include "sluice/dangerous.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
using clock_type = std::chrono::steady_clock;

context make_context(const client_verb_options& options) {
  auto made = options.tls.for_client();
  // To require a protocol is to offer it.
  if (!options.needs_alpn.empty() && std::ranges::find(made.alpn, options.needs_alpn) == made.alpn.end()) {
    made.alpn.push_back(options.needs_alpn);
  }
  if (options.is_insecure) made.verify = dangerous::accept_any_certificate();
  made.sessions = options.sessions;
  made.record_transcript = true;
  made.observer = options.watch.watch(stderr, options.tls.json);
  return context::client(made).value();
}

failure unmet(const connection_report& r, std::string detail, std::string remedy) {
  return make_failure(errc::requirement_not_met, r.to.text(), std::move(detail), std::move(remedy));
}

std::optional<failure> check_validity(const connection_report& r, std::chrono::milliseconds least) {
  // What was sent and not verified may say any date.
  if (!r.is_verified) return unmet(r, "--fail-under: nobody verified the certificates", "drop --insecure");
  if (r.chain.empty())
    return unmet(r, "--fail-under: the certificates are not known, since the session was resumed", "drop the session");
  const auto& first = *std::ranges::min_element(r.chain, {}, &certificate::valid_until);
  const auto left = left_of(first);
  if (left >= least) return std::nullopt;
  const auto words = in_words(left);
  return unmet(r, "--fail-under: \"" + first.subject() + "\" is valid for another " + words + " only", "renew it");
}

std::optional<failure> check_requirements(const client_verb_options& options, const client_plan& p,
                                          const connection_report& r) {
  const auto& info = *r.info;
  if (options.needs_tls13 && info.version != "TLSv1.3") {
    return unmet(r, "--require-tls13: the version is " + info.version, "have the server offer TLS 1.3");
  }
  if (options.needs_post_quantum && !info.post_quantum) {
    return unmet(r, "--require-pq: the group " + info.group + " is not a post-quantum hybrid",
                 "have the server offer X25519MLKEM768");
  }
  if (!options.needs_alpn.empty() && info.alpn != options.needs_alpn) {
    return unmet(r, "--require-alpn: the protocol is " + (info.alpn.empty() ? std::string("none") : info.alpn),
                 "have the server offer " + options.needs_alpn);
  }
  if (options.needs_ocsp && !info.ocsp_stapled) {
    return unmet(r, "--require-ocsp: no OCSP response was stapled", "turn stapling on at the server");
  }
  return p.min_validity ? check_validity(r, *p.min_validity) : std::nullopt;
}

// Of a port; 0 for a service's name.
std::uint16_t number_of(const std::string& port) {
  std::uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  return read.ec == std::errc() && read.ptr == port.data() + port.size() ? number : std::uint16_t{0};
}

// The stream, or why there is none.
asio::awaitable<void> dial_tcp(const client_plan& p, route& way, std::string_view early_data, dialled& made) {
  auto& r = made.report;
  failure why;
  connect_report story;
  const bool has_proxy = way.proxy().has_value();
  const connect_options wishes{.timeout = p.limit,
                               .server_name = r.server_name,
                               .failure = &why,
                               .report = &story,
                               .early_data = early_data,
                               .prelude = way.before_tls(),
                               .session_port = has_proxy ? number_of(p.to.port) : std::uint16_t{0}};
  const auto& first = way.first();
  auto outcome = co_await async_connect(p.tls, first.host, first.port, wishes, testkit::use_tuple);
  r.prelude = story.prelude;
  r.take(std::move(story));
  if (way.proxy()) r.address.reset();
  if (std::get<0>(outcome)) {
    r.why = way.told(std::move(why));
  } else {
    made.stream.emplace(std::move(std::get<1>(outcome)));
  }
}

asio::awaitable<void> dial_local(const client_plan& p, const route& way, std::string_view early_data, dialled& made) {
  auto& r = made.report;
  failure why;
  auto s = co_await connect_local(p.tls, way.to(), r.server_name, early_data, p.limit, why);
  connect_report story;
  story.timings = s.timings();
  story.unverified_certificates = s.unverified_certificates();
  story.handshake = s.transcript();
  r.take(std::move(story));
  if (why.code) {
    r.why = std::move(why);
  } else {
    made.stream.emplace(std::move(s));
  }
}

}  // namespace

void client_verb_options::declare(CLI::App& app) {
  app.add_option("HOST", address, "HOST, HOST:PORT or [IPV6]:PORT; port 443, or that of --starttls, unless given")
      ->required()
      ->type_name("");
  tls.declare(app);
  way.declare(app);
  app.add_option("--servername", server_name, "Name to send and to verify, when it is not HOST")->type_name("NAME");
  app.add_flag("--insecure", is_insecure, "Accept any certificate: nobody checks whom you talk to");
  app.add_flag("--require-tls13", needs_tls13, "Fail (9) unless TLS 1.3 was agreed");
  app.add_option("--require-alpn", needs_alpn, "Fail (9) unless this application protocol was agreed")
      ->type_name("NAME");
  app.add_flag("--require-pq", needs_post_quantum, "Fail (9) unless the key exchange was a post-quantum hybrid");
  app.add_flag("--require-ocsp", needs_ocsp, "Fail (9) unless a good OCSP response was stapled");
  app.add_option("--fail-under", fail_under, "Fail (9) when a certificate ends sooner than this: 21d")
      ->type_name("TIME");
  app.add_option("--save-chain", save_chain, "Write the peer's certificates (PEM), also those that were refused")
      ->type_name("FILE");
  watch.declare(app);
}

client_plan make_plan(const client_verb_options& options) {
  route way(options.way, options.address);
  const auto limit = options.tls.time_limit();
  std::optional<std::chrono::milliseconds> least;
  if (!options.fail_under.empty()) least = parse_duration(options.fail_under, "--fail-under");
  return {.to = way.to(),
          .way = way,
          .tls = make_context(options),
          .limit = limit,
          .min_validity = least,
          .address = way.address()};
}

dialled undialled(const client_verb_options& options, failure why) {
  dialled made;
  auto& r = made.report;
  r.to.host = options.address;
  r.server_name = options.server_name.empty() ? options.address : options.server_name;
  r.is_verified = !options.is_insecure;
  r.why = std::move(why);
  return made;
}

asio::awaitable<dialled> dial(const client_verb_options& options) {
  std::optional<client_plan> plan;
  std::optional<failure> why;
  try {
    plan = make_plan(options);
  } catch (const error& e) {
    why = e.why();
  }
  if (why) co_return undialled(options, std::move(*why));
  co_return co_await dial(options, *plan);
}

asio::awaitable<dialled> dial(const client_verb_options& options, const client_plan& p) {
  dialled made;
  auto& r = made.report;
  made.has_begun = true;
  r.to = p.to;
  r.server_name = options.server_name.empty() ? p.to.host : options.server_name;
  r.is_verified = !options.is_insecure;
  r.policy = p.tls.policy().name;
  auto way = p.way;
  if (!p.address.empty()) way.aim_at(p.address);
  r.starttls = way.starttls();
  if (way.proxy()) r.proxy = way.proxy()->at.text();

  const auto began = clock_type::now();
  if (way.is_local()) {
    co_await dial_local(p, way, options.early_data, made);
  } else {
    co_await dial_tcp(p, way, options.early_data, made);
  }
  r.total = clock_type::now() - began;
  if (made.stream) {
    r.info = made.stream->info();
    if (auto verified = made.stream->verified_chain(); !verified.empty()) {
      r.chain = std::move(verified);
      r.is_chain_verified = true;
    }
    r.why = check_requirements(options, p, r);
  }
  if (!options.save_chain.empty()) save_chain(options.save_chain, r);
  co_return made;
}

dialled interrupted_dial(const client_verb_options& options) {
  dialled made;
  made.has_begun = true;
  made.report.to.host = options.address;
  try {
    made.report.to = route(options.way, options.address).to();
  } catch (const error&) {
    // Whatever is wrong with it, Ctrl-C came first.
  }
  made.report.server_name = options.server_name.empty() ? made.report.to.host : options.server_name;
  made.report.why = make_failure(errc::cancelled, made.report.to.text());
  return made;
}

}  // namespace sluice::tool
