// SPDX-License-Identifier: Apache-2.0
// `sluice ca`: an authority for development and tests, in a folder.
#include "verbs/ca/responder.hpp"
#include "terminal/files.hpp"
#include "arguments/token_place.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"
#include "terminal/dates.hpp"
#include "terminal/answer.hpp"
#include "verbs/ca/ca.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

struct ca_options {
  std::string folder = ".", name = "Sluice development CA", key, request, certificate, password_file, listen;
  token_place place;
  std::vector<std::string> names, addresses;
  std::uint32_t days = 0;
  bool is_client = false, has_bundle = false, json = false;
};
using shared_options = std::shared_ptr<ca_options>;

std::chrono::hours days(std::uint32_t count) { return std::chrono::hours(24) * count; }

// "*.example.org" becomes "_.example.org": a shell would take the star for itself.
std::string file_name(std::string name) {
  std::ranges::replace_if(
      name, [](char c) { return c == '*' || c == '/' || c == ':'; }, '_');
  return name;
}

constexpr auto key_types = "ec256|ec384|ec521|rsa2048|rsa3072|rsa4096";

void check_key_type(const std::string& text) {
  constexpr std::array known = {"ec256", "ec384", "ec521", "rsa2048", "rsa3072", "rsa4096"};
  if (std::ranges::find(known, text) != known.end()) return;
  give_up(errc::invalid_argument, "--key", "\"" + text + "\" is not a type of key",
          fmt::format("write {}", fmt::join(known, ", ")));
}

int print_result(const ca_options& options, const json::object& answer, const std::string& people) {
  const screen out(stdout);
  out.lines(options.json ? to_text(answer) : people);
  return exit_ok;
}

int init(const ca_options& options) {
  check_key_type(options.key);
  const auto made = testkit::authority::make_root(options.name, options.key, {.validity = days(options.days)}).value();
  const ca_folder folder(options.folder);
  folder.create(made);
  const auto path = options.folder + "/ca.pem";
  const auto until = certificate::from_pem(made.certificate()).value().front().valid_until();
  return print_result(options,
                      {{"certificate", path}, {"key", options.folder + "/ca.key"}, {"not_after", iso_time(until)}},
                      fmt::format("{}  until {}", path, iso_date(until)));
}

testkit::leaf_options leaf(const ca_options& options, std::string common_name, std::vector<std::string> names) {
  names.insert(names.end(), options.addresses.begin(), options.addresses.end());
  return {
      .common_name = common_name.size() <= 64 ? std::move(common_name) : std::string(),  // RFC 5280's ub-common-name
      .names = std::move(names),
      .validity = days(options.days),
      .extended_key_usage = options.is_client ? "clientAuth" : "serverAuth"};
}

int tell_issued(const ca_options& options, const testkit::issued& one, const std::string& file) {
  const ca_folder folder(options.folder);
  for (const auto* end : {".pem", ".key", ".p12"}) folder.refuse_existing(file + end);
  std::string bundle;
  if (options.has_bundle) {
    const auto password = secret::from_file(options.password_file).value();
    bundle = testkit::bundle(one, file, password.view()).value();
  }
  json::object answer{{"certificate", folder.write_new(file + ".pem", one.chain)}, {"key", nullptr}, {"p12", nullptr}};
  if (!one.key.empty()) answer["key"] = folder.write_new(file + ".key", one.key);
  if (!bundle.empty()) answer["p12"] = folder.write_new(file + ".p12", bundle);
  const auto made = certificate::from_pem(one.certificate).value().front();
  folder.record_issued(made);
  answer["serial"] = made.serial();
  answer["not_after"] = iso_time(made.valid_until());
  std::string people;
  for (const auto* what : {"certificate", "key", "p12"}) {
    if (const auto* path = answer[what].if_string()) people += std::string(*path) + "\n";
  }
  return print_result(options, answer, people + "until " + end_of(made));
}

int issue(const ca_options& options) {
  if (options.has_bundle && options.password_file.empty())
    give_up(errc::password_needed, "--p12", "a bundle has a password", "add --password-file FILE");
  const bool is_in_token = options.key.starts_with("pkcs11:");
  if (options.has_bundle && is_in_token)
    give_up(errc::invalid_argument, "--p12", "a key does not leave its token", "leave --p12 out");
  if (!is_in_token) check_key_type(options.key);
  const auto authority = ca_folder(options.folder).authority();
  auto names = options.names;
  std::ranges::replace_if(
      names, [](const auto& n) { return n.find('@') != n.npos && n.find(':') == n.npos; }, "");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) names[i] = "email:" + options.names[i];
  }
  const auto wanted = leaf(options, options.names.front(), std::move(names));
  const auto file = file_name(options.names.front());
  if (!is_in_token) return tell_issued(options, authority.issue(wanted, options.key).value(), file);
  auto place = options.place;
  place.text = options.key;
  place.parsed("--key");
  const auto key = pkcs11::open_key(place.text, place.wishes()).value();
  const auto spki = key->public_key();
  if (!spki)
    give_up(errc::no_certificate, key->name(), "the key is there, and its public half is not on the token",
            "make a request with `sluice token csr --cert FILE`, and sign that");
  return tell_issued(options, authority.issue_for(*spki, wanted).value(), file);
}

int sign(const ca_options& options) {
  const auto authority = ca_folder(options.folder).authority();
  const auto request = testkit::read_request(read_file(options.request), options.request).value();
  auto names = request.names.empty() && !request.common_name.empty() ? std::vector{request.common_name} : request.names;
  const auto first = names.empty() ? std::string("request") : names.front();
  const auto wanted = leaf(options, request.common_name, std::move(names));
  return tell_issued(options, authority.issue_for(request.public_key, wanted).value(), file_name(first));
}

int write_list(const ca_options& options) {
  const ca_folder folder(options.folder);
  const auto path = folder.write_revocation_list(days(options.days));
  const auto count = folder.revoked().size();
  return print_result(options, {{"crl", path}, {"revoked", count}}, fmt::format("{}  {} revoked", path, count));
}

int revoke(const ca_options& options) {
  const ca_folder folder(options.folder);
  const auto authority = folder.authority();
  const auto chain = certificate::from_pem_file(options.certificate).value();
  const auto issuer = certificate::from_pem(authority.certificate()).value();
  if (chain.front().issuer() != issuer.front().subject())
    give_up(errc::invalid_argument, options.certificate, "it was issued by \"" + chain.front().issuer() + "\"",
            "revoke it where it was issued");
  const bool is_news = folder.revoke(chain.front());
  return print_result(options, {{"serial", chain.front().serial()}, {"was_revoked_before", !is_news}},
                      is_news ? "revoked; `sluice ca crl` makes the list" : "it was revoked before");
}

// Runs until it is stopped.
int respond(const ca_options& options) {
  const auto at = parse_listen_address(options.listen);
  const responder answers(ca_folder(options.folder), days(options.days));
  asio::io_context io(1);
  asio::signal_set ends(io, SIGINT, SIGTERM);
  asio::ip::tcp::acceptor acceptor(io);
  boost::system::error_code failed;
  acceptor.open(at.protocol(), failed);
  if (!failed) acceptor.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) acceptor.bind(at, failed);
  if (!failed) acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) throw error(failure{.code = failed, .where = options.listen});
  asio::co_spawn(io, answers.serve(acceptor), asio::detached);
  ends.async_wait([&io](boost::system::error_code, int) { io.stop(); });
  const auto address = to_text(acceptor.local_endpoint());
  print_result(options, {{"event", "listening"}, {"address", address}}, "listening " + address);
  std::fflush(stdout);
  io.run();
  return exit_ok;
}

action answering(const shared_options& options, int (*verb)(const ca_options&)) {
  return [options, verb] { return answer(options->json, [&] { return verb(*options); }); };
}

shared_options declare(declaration& app, std::uint32_t days) {
  auto options = std::make_shared<ca_options>();
  options->days = days;
  app.add_flag("--json", options->json, "Print JSON");
  return options;
}

shared_options declare_in_folder(declaration& app, std::uint32_t days) {
  auto options = declare(app, days);
  app.add_option("--ca", options->folder, "The authority's folder").type_name("DIR").capture_default_str();
  return options;
}

void declare_days(declaration& app, const shared_options& options, const std::string& what) {
  app.add_option("--days", options->days, what).type_name("N").capture_default_str().range(1, 36500);
}

action declare_init(declaration& app) {
  auto options = declare(app, 3650);
  options->key = "ec256";
  app.add_option("DIR", options->folder, "The folder, which must not hold an authority yet").required().type_name("");
  app.add_option("--name", options->name, "Its common name").type_name("NAME").capture_default_str();
  app.add_option("--key", options->key, "Type of key").type_name(key_types).capture_default_str();
  declare_days(app, options, "Validity in days");
  return answering(options, init);
}

action declare_issue(declaration& app) {
  auto options = declare_in_folder(app, 90);
  options->key = "ec256";
  app.add_option("NAME", options->names, "Host names, addresses, or the subject of a client certificate")
      .required()
      .type_name("");
  app.add_flag("--client", options->is_client, "For a client instead of a server");
  app.add_option("--ip", options->addresses, "An IP address; may be given several times").type_name("ADDRESS");
  app.add_option("--key", options->key, "Type of key, or the pkcs11: URI of an existing one")
      .type_name(std::string(key_types) + "|URI")
      .capture_default_str();
  app.add_flag("--p12", options->has_bundle, "Make a PKCS#12 file as well");
  app.add_option("--password-file", options->password_file, "Its password, first line of a file").type_name("FILE");
  app.add_option("--module", options->place.module, "PKCS#11 module of the key (else the URI's)").type_name("PATH");
  app.add_option("--pin-file", options->place.pin_file, "The token's PIN, first line of a file").type_name("FILE");
  declare_days(app, options, "Validity in days");
  return answering(options, issue);
}

action declare_sign(declaration& app) {
  auto options = declare_in_folder(app, 90);
  app.add_option("FILE", options->request, "The request (PKCS#10), PEM or DER").required().type_name("");
  app.add_flag("--client", options->is_client, "For a client instead of a server");
  declare_days(app, options, "Validity in days");
  return answering(options, sign);
}

action declare_revoke(declaration& app) {
  auto options = declare_in_folder(app, 0);
  app.add_option("FILE", options->certificate, "A certificate that this authority issued").required().type_name("");
  return answering(options, revoke);
}

action declare_crl(declaration& app) {
  auto options = declare_in_folder(app, 7);
  declare_days(app, options, "How long the list is good");
  return answering(options, write_list);
}

action declare_ocsp(declaration& app) {
  auto options = declare_in_folder(app, 7);
  app.add_option("--listen", options->listen, "ADDRESS:PORT; port 0 is any free one, :PORT is on 127.0.0.1")
      .required()
      .type_name("ADDRESS");
  declare_days(app, options, "How long an answer is good");
  return answering(options, respond);
}

constexpr std::array ca_verbs = {
    verb{"init", "Creates an authority in a folder", "  sluice ca init dev-ca", declare_init},
    verb{"issue", "Issues a key and its certificate",
         "  sluice ca issue localhost --ip 127.0.0.1 --ca dev-ca\n"
         "  sluice ca issue alice@example.org --client --p12 --password-file pw --ca dev-ca",
         declare_issue},
    verb{"sign", "Issues a certificate for a request", "  sluice ca sign site.csr --ca dev-ca", declare_sign},
    verb{"revoke", "Revokes a certificate", "  sluice ca revoke dev-ca/localhost.pem --ca dev-ca", declare_revoke},
    verb{"crl", "Writes the certificate revocation list", "  sluice ca crl --ca dev-ca", declare_crl},
    verb{"ocsp", "Answers OCSP requests about its certificates, over HTTP",
         "  sluice ca ocsp --listen :8080 --ca dev-ca", declare_ocsp},
};

}  // namespace

action declare_ca(declaration& app) { return declare_subverbs(app, ca_verbs); }

}  // namespace sluice::tool
