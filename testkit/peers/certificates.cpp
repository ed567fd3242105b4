// SPDX-License-Identifier: Apache-2.0
// Chains that do not hold, and some that do.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/raw_chain.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice::testkit::peers {
namespace {

using std::chrono::hours;

constexpr auto certificate_group = "certificates";
constexpr auto day = 24;

peer ordinary(const testkit::leaf_options& options, world& w) { return tls_peer(w.issue(options)); }

testkit::leaf_options dated(hours age, hours validity) {
  auto options = good_leaf();
  options.age = age;
  options.validity = validity;
  return options;
}

testkit::leaf_options for_usage(const char* usage) {
  auto options = good_leaf();
  options.extended_key_usage = usage;
  return options;
}

peer without_chain(world& w, int) {
  auto site = w.issue_by(w.middle(), good_leaf());
  site.chain = site.certificate;
  return tls_peer(site);
}

peer reversed_chain(world& w, int) {
  auto ders = ders_of(w.issue_by(w.middle(), good_leaf()).chain);
  std::ranges::reverse(ders);
  return raw_chain(ders);
}

peer shuffled_chain(world& w, int) {
  const auto lower = w.middle().make_intermediate("Sluice Lab Lower Intermediate").value();
  auto site = w.issue_by(lower, good_leaf());
  site.chain = site.certificate + w.middle().certificate() + lower.certificate();
  return tls_peer(site);
}

peer long_chain(world& w, int length) {
  auto issuer = w.root().make_intermediate("Intermediate 1").value();
  for (int i = 2; i <= length; ++i) issuer = issuer.make_intermediate("Intermediate " + std::to_string(i)).value();
  return tls_peer(w.issue_by(issuer, good_leaf()));
}

peer constrained(world& w, const char* constraints) {
  const auto narrow = w.root().make_intermediate("Sluice Lab Constrained", "ec256", {.name_constraints = constraints});
  return tls_peer(w.issue_by(narrow.value(), good_leaf()));
}

peer too_deep(world& w, int) {
  const auto last = w.root().make_intermediate("Sluice Lab Last", "ec256", {.path_length = 0}).value();
  return tls_peer(w.issue_by(last.make_intermediate("Sluice Lab Beyond").value(), good_leaf()));
}

peer issued_by_leaf(world& w, int) {
  const auto leaf = w.issue({.common_name = "Sluice Lab Pretender", .names = {"example.org"}});
  const auto pretender = testkit::authority::from_pem(leaf.certificate, leaf.key).value();
  auto site = w.issue_by(pretender, good_leaf());
  site.chain = site.certificate + leaf.certificate;
  return tls_peer(site);
}

// Same name as the trusted root, another key.
peer impostor(world& w, int) {
  return tls_peer(w.issue_by(testkit::authority::make_root("Sluice Lab").value(), good_leaf()));
}

peer authority_as_leaf(world& w, int) {
  auto options = good_leaf();
  options.is_authority = true;
  return ordinary(options, w);
}

// The certificate would do, by the machine's store; the option that names another store has replaced it.
peer store_replaced(world& w, int) {
  auto p = tls_peer(w.issue(good_leaf()));
  p.ca = w.stranger().certificate();
  return p;
}

peer system_store(world& w, int) {
  auto p = tls_peer(w.issue(good_leaf()));
  const auto file = w.folder().write("system.pem", w.root().certificate());
  p.adapt = [file](client_options& options) {
    options.trust =
        trust::system({.files = {"/nowhere/at/all.pem", file}, .folders = {}, .read_environment = false}).value();
  };
  return p;
}

peer store_of_environment(world& w, int) {
  auto p = tls_peer(w.issue(good_leaf()));
  const auto file = w.folder().write("environment.pem", w.root().certificate());
  const char* before = std::getenv("SSL_CERT_FILE");
  const auto kept = std::string(before != nullptr ? before : "");
  ::setenv("SSL_CERT_FILE", file.c_str(), 1);
  auto store = trust::system();
  before != nullptr ? ::setenv("SSL_CERT_FILE", kept.c_str(), 1) : ::unsetenv("SSL_CERT_FILE");
  p.adapt = [store = store.value()](client_options& options) { options.trust = store; };
  return p;
}

peer garbage(world& w, int) {
  auto der = ders_of(w.issue(good_leaf()).certificate).front();
  der.resize(der.size() / 2);
  return raw_chain({der});
}

}  // namespace

std::vector<lab_case> certificate_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  return {
      {"expired", certificate_group, expired, us, "ended three days ago", "",
       [](world& w, int) { return ordinary(dated(hours(30 * day), hours(-3 * day)), w); }},
      {"not-yet-valid", certificate_group, not_yet_valid, us, "begins in three days", "",
       [](world& w, int) { return ordinary(dated(hours(-3 * day - 1), hours(30 * day)), w); }},
      {"self-signed", certificate_group, self_signed, us, "vouches for itself", "",
       [](world&, int) { return tls_peer(testkit::self_signed(good_leaf()).value()); }},
      {"untrusted-root", certificate_group, untrusted, us, "issued by an authority that is not trusted", "",
       [](world& w, int) { return tls_peer(w.issue_by(w.stranger(), good_leaf())); }},
      {"impostor-root", certificate_group, untrusted, us, "issued by an authority with the name of a trusted one", "",
       impostor},
      {"store-replaced", certificate_group, untrusted, us, "trusted by the store that the client's own has replaced",
       "", store_replaced},
      {"system-store", certificate_group, {}, {}, "trusted by the system's store", "", system_store},
      {"environment-store",
       certificate_group,
       {},
       {},
       "trusted by the file of SSL_CERT_FILE",
       "",
       store_of_environment},
      {"incomplete-chain", certificate_group, untrusted, us, "the intermediate is not sent", "", without_chain},
      {"reversed-chain", certificate_group, wrong_purpose, us, "the intermediate is sent first", "", reversed_chain},
      {"shuffled-chain", certificate_group, {}, {}, "two intermediates in the wrong order", "", shuffled_chain},
      accepted(certificate_group, "three-level-chain", "leaf, intermediate, root",
               [](world& w, int) { return tls_peer(w.issue_by(w.middle(), good_leaf())); }),
      {"long-chain", certificate_group, chain_too_long, us, "a hundred intermediates", "", long_chain, 100},
      {"malformed", certificate_group, certificate_malformed, us, "half a certificate", "", garbage},
      {"no-certificate", certificate_group, protocol_error, us, "an empty list of certificates", "",
       [](world&, int) { return raw_chain({}); }},
      {"path-length", certificate_group, untrusted, us, "an intermediate below one that may have none", "", too_deep},
      {"leaf-as-authority", certificate_group, untrusted, us, "issued by a server's certificate", "", issued_by_leaf},
      {"authority-as-leaf", certificate_group, wrong_purpose, us, "an authority's certificate, served", "",
       authority_as_leaf},
      {"name-constraints", certificate_group, untrusted, us, "the intermediate may issue for example.org only", "",
       [](world& w, int) { return constrained(w, "critical,permitted;DNS:example.org"); }},
      accepted(certificate_group, "name-constraints-met", "the intermediate may issue for localhost and 127.0.0.1 only",
               [](world& w, int) {
                 return constrained(w, "critical,permitted;DNS:localhost,permitted;IP:127.0.0.1/255.255.255.255");
               }),
      {"client-only", certificate_group, wrong_purpose, us, "extended key usage clientAuth alone", "",
       [](world& w, int) { return ordinary(for_usage("clientAuth"), w); }},
      accepted(certificate_group, "no-extended-usage", "no extended key usage at all",
               [](world& w, int) { return ordinary(for_usage(""), w); }),
      accepted(certificate_group, "extended-validation", "with an extended-validation policy",
               [](world& w, int) {
                 auto options = good_leaf();
                 options.policies = "2.23.140.1.1";
                 return ordinary(options, w);
               }),
  };
}

}  // namespace sluice::testkit::peers
