// SPDX-License-Identifier: Apache-2.0
// Certificates for other names, and for the right one written in ways that do not count.
#include "testkit/peers/world.hpp"

#include <fmt/format.h>

namespace sluice::testkit::peers {
namespace {

constexpr auto name_group = "certificates";

peer named(world& w, std::string common_name, std::vector<std::string> names, std::string server_name = "localhost") {
  return tls_peer(w.issue({.common_name = std::move(common_name), .names = std::move(names)}), std::move(server_name));
}

peer wildcard(world& w, const char* pattern, const char* server_name) {
  return named(w, "wildcard", {std::string("DNS:") + pattern}, server_name);
}

peer many(world& w, int count) {
  std::vector<std::string> names;
  for (int i = 1; i < count; ++i) names.push_back(fmt::format("{:05}.lab.test", i));
  names.emplace_back("localhost");
  return named(w, "many", std::move(names));
}

}  // namespace

std::vector<lab_case> name_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  return {
      {"wrong-host", name_group, name_mismatch, us, "for example.org", "",
       [](world& w, int) {
         return named(w, "example.org", {"example.org", "www.example.org"});
       }},
      accepted(name_group, "no-subject", "no subject, the name in subjectAltName",
               [](world& w, int) { return named(w, "", {"localhost"}); }),
      {"no-subject-no-san", name_group, name_mismatch, us, "no subject and no subjectAltName", "",
       [](world& w, int) { return named(w, "", {}); }},
      accepted(name_group, "no-common-name", "a subject without common name, the name in subjectAltName",
               [](world& w, int) {
                 return tls_peer(w.issue({.names = {"localhost"}, .certificate_authority_name = "Lab"}));
               }),
      {"no-common-name-no-san", name_group, name_mismatch, us, "a subject without common name, no subjectAltName", "",
       [](world& w, int) { return tls_peer(w.issue({.certificate_authority_name = "Lab"})); }},
      {"common-name-only", name_group, name_mismatch, us, "the name in the common name alone", "s2n takes it",
       [](world& w, int) { return named(w, "localhost", {}); }},
      accepted(name_group, "common-name-allowed", "the name in the common name alone, and the client allows it",
               [](world& w, int) { return allowing(named(w, "localhost", {}), &allowances::common_name); }),
      {"common-name-beside-san", name_group, name_mismatch, us, "the name in the common name, others in subjectAltName",
       "", [](world& w, int) { return named(w, "localhost", {"example.org"}); }},
      accepted(name_group, "ip-address", "an iPAddress, and the client asks for it",
               [](world& w, int) { return named(w, "ip", {"IP:127.0.0.1"}, "127.0.0.1"); }),
      {"ip-address-wrong", name_group, name_mismatch, us, "an iPAddress, and the client asks for another", "",
       [](world& w, int) { return named(w, "ip", {"IP:127.0.0.2"}, "127.0.0.1"); }},
      {"ip-address-as-dns-name", name_group, name_mismatch, us, "an IP address written as a dNSName", "s2n takes it",
       [](world& w, int) { return named(w, "ip", {"DNS:127.0.0.1"}, "127.0.0.1"); }},
      accepted(name_group, "ip-address-as-dns-name-allowed",
               "an IP address written as a dNSName, and the client allows it",
               [](world& w, int) {
                 return allowing(named(w, "ip", {"DNS:127.0.0.1"}, "127.0.0.1"), &allowances::dns_name_as_ip);
               }),
      {"ip-address-as-common-name", name_group, name_mismatch, us, "an IP address in the common name", "",
       [](world& w, int) { return named(w, "127.0.0.1", {}, "127.0.0.1"); }},
      {"ip-address-wildcard", name_group, name_mismatch, us, "a wildcard that would cover an IP address", "",
       [](world& w, int) { return wildcard(w, "*.0.0.1", "127.0.0.1"); }},
      accepted(name_group, "wildcard", "*.lab.test for www.lab.test",
               [](world& w, int) { return wildcard(w, "*.lab.test", "www.lab.test"); }),
      {"wildcard-two-labels", name_group, name_mismatch, us, "*.lab.test for a.b.lab.test", "",
       [](world& w, int) { return wildcard(w, "*.lab.test", "a.b.lab.test"); }},
      {"wildcard-no-label", name_group, name_mismatch, us, "*.lab.test for lab.test", "",
       [](world& w, int) { return wildcard(w, "*.lab.test", "lab.test"); }},
      {"wildcard-partial", name_group, name_mismatch, us, "w*.lab.test for www.lab.test", "",
       [](world& w, int) { return wildcard(w, "w*.lab.test", "www.lab.test"); }},
      {"wildcard-inside", name_group, name_mismatch, us, "www.*.test for www.lab.test", "",
       [](world& w, int) { return wildcard(w, "www.*.test", "www.lab.test"); }},
      {"wildcard-top", name_group, name_mismatch, us, "*.test for lab.test", "",
       [](world& w, int) { return wildcard(w, "*.test", "lab.test"); }},
      {"wildcard-all", name_group, name_mismatch, us, "* for localhost", "",
       [](world& w, int) { return wildcard(w, "*", "localhost"); }},
      {"names-1000", name_group, {}, {}, "1,000 names, the right one last", "", many, 1000},
      {"names-10000", name_group, chain_too_long, us, "10,000 names, the right one last",
       "s2n takes no message above 64 KiB", many, 10000},
  };
}

}  // namespace sluice::testkit::peers
