// SPDX-License-Identifier: Apache-2.0
// Keys and signatures: too weak, and strong enough; and stapled OCSP responses.
#include "testkit/peers/raw_chain.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include "testkit/authority/staple.hpp"

#include <openssl/evp.h>
#include <openssl/md5.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>

namespace sluice::testkit::peers {
namespace {

constexpr auto key_group = "certificates";

peer keyed(world& w, const char* type) { return tls_peer(w.issue(good_leaf(), type)); }

peer signed_with(world& w, const char* digest) {
  auto options = good_leaf();
  options.digest = digest;
  return tls_peer(w.issue(options));
}

// AWS-LC signs no certificate with MD5: one for SHA-256 is changed, and signed again by hand. The two object
// identifiers differ in their last byte.
std::string with_md5(std::string der, const EVP_PKEY* issuer) {
  const std::string sha256_rsa("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9);
  for (auto at = der.find(sha256_rsa); at != der.npos; at = der.find(sha256_rsa, at + 1)) der[at + 8] = '\x04';
  const auto* data = reinterpret_cast<const std::uint8_t*>(der.data());
  // SEQUENCE (4 bytes of header) of what is signed: SEQUENCE (4 bytes of header).
  const std::size_t size = 4U + (std::size_t{data[6]} << 8U) + data[7];
  std::array<std::uint8_t, MD5_DIGEST_LENGTH> digest{};
  MD5(data + 4, size, digest.data());
  std::vector<std::uint8_t> signature(static_cast<std::size_t>(EVP_PKEY_size(issuer)));
  unsigned length = 0;
  RSA_sign(NID_md5, digest.data(), digest.size(), signature.data(), &length, EVP_PKEY_get0_RSA(issuer));
  std::copy(signature.begin(), signature.end(), der.end() - length);
  return der;
}

// There is no ECDSA with MD5.
peer signed_with_md5(world& w, int) {
  const auto issuer = w.root().make_intermediate("Sluice Lab RSA Intermediate", "rsa2048").value();
  auto ders = ders_of(w.issue_by(issuer, good_leaf()).chain);
  ders.front() = with_md5(ders.front(), issuer.signer().get());
  return raw_chain(ders);
}

peer old_intermediate(world& w, const char* digest) {
  const auto old = w.root().make_intermediate("Sluice Lab Old Intermediate", "ec256", {.digest = digest}).value();
  return tls_peer(w.issue_by(old, good_leaf()));
}

peer small_intermediate(world& w, int) {
  const auto small = w.root().make_intermediate("Sluice Lab Small Intermediate", "rsa1024").value();
  return tls_peer(w.issue_by(small, good_leaf()));
}

peer stapled(const testkit::issued& site, const std::vector<std::byte>& response) {
  auto options = serving(site);
  options.identities = {options.identities.front().with_ocsp_response(response).value()};
  return tls_peer(options);
}

peer stapled(world& w, const testkit::ocsp_options& options, const testkit::authority* responder = nullptr) {
  const auto site = w.issue(good_leaf());
  return stapled(site, testkit::ocsp_response(w.root(), site.certificate, options, responder));
}

peer promising(world& w, bool keeps_it) {
  auto options = good_leaf();
  options.must_staple = true;
  const auto site = w.issue(options);
  return keeps_it ? stapled(site, testkit::ocsp_response(w.root(), site.certificate)) : tls_peer(site);
}

peer stapled_for_another(world& w, int) {
  const auto other = w.issue(good_leaf());
  return stapled(w.issue(good_leaf()), testkit::ocsp_response(w.root(), other.certificate));
}

}  // namespace

std::vector<lab_case> key_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  return {
      {"sha1-leaf", key_group, certificate_weak, us, "signed with SHA-1", "s2n takes it",
       [](world& w, int) { return signed_with(w, "sha1"); }},
      {"md5-leaf", key_group, certificate_weak, us, "signed with MD5", "", signed_with_md5},
      {"sha1-intermediate", key_group, certificate_weak, us, "an intermediate signed with SHA-1", "s2n takes it",
       [](world& w, int) { return old_intermediate(w, "sha1"); }},
      {"rsa1024", key_group, certificate_weak, us, "an RSA key of 1024 bits", "s2n takes it",
       [](world& w, int) { return keyed(w, "rsa1024"); }},
      {"rsa1024-intermediate", key_group, certificate_weak, us, "an intermediate with an RSA key of 1024 bits",
       "s2n takes it", small_intermediate},
      {"sha1-allowed",
       key_group,
       {},
       {},
       "signed with SHA-1, and the client allows it",
       "",
       [](world& w, int) { return allowing(signed_with(w, "sha1"), &allowances::sha1_signatures); }},
      {"rsa1024-allowed",
       key_group,
       {},
       {},
       "an RSA key of 1024 bits, and the client allows it",
       "",
       [](world& w, int) { return allowing(keyed(w, "rsa1024"), &allowances::small_rsa_keys); }},
      {"ecc256", key_group, {}, {}, "ECDSA over P-256", "", [](world& w, int) { return keyed(w, "ec256"); }},
      {"ecc384", key_group, {}, {}, "ECDSA over P-384", "", [](world& w, int) { return keyed(w, "ec384"); }},
      {"ecc521", key_group, {}, {}, "ECDSA over P-521", "", [](world& w, int) { return keyed(w, "ec521"); }},
      {"rsa2048", key_group, {}, {}, "RSA with 2048 bits", "", [](world& w, int) { return keyed(w, "rsa2048"); }},
      {"rsa4096", key_group, {}, {}, "RSA with 4096 bits", "", [](world& w, int) { return keyed(w, "rsa4096"); }},
      {"rsa8192", key_group, {}, {}, "RSA with 8192 bits", "", [](world& w, int) { return keyed(w, "rsa8192"); }},
      {"sha256", key_group, {}, {}, "signed with SHA-256", "", [](world& w, int) { return signed_with(w, "sha256"); }},
      {"sha384", key_group, {}, {}, "signed with SHA-384", "", [](world& w, int) { return signed_with(w, "sha384"); }},
      {"sha512", key_group, {}, {}, "signed with SHA-512", "", [](world& w, int) { return signed_with(w, "sha512"); }},
  };
}

std::vector<lab_case> ocsp_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  return {
      accepted(key_group, "staple-good", "a stapled OCSP response says good",
               [](world& w, int) { return stapled(w, {}); }),
      {"staple-revoked", key_group, revoked, us, "a stapled OCSP response says revoked", "",
       [](world& w, int) { return stapled(w, {.says = testkit::ocsp_options::status::revoked}); }},
      {"staple-unknown", key_group, revocation_unknown, us, "a stapled OCSP response says unknown", "",
       [](world& w, int) { return stapled(w, {.says = testkit::ocsp_options::status::unknown}); }},
      {"staple-stale", key_group, ocsp_invalid, us, "a stapled OCSP response that was good until yesterday", "",
       [](world& w, int) { return stapled(w, {.age = std::chrono::hours(72), .validity = std::chrono::hours(-24)}); }},
      {"staple-of-another", key_group, ocsp_invalid, us, "a stapled OCSP response for another certificate", "",
       stapled_for_another},
      {"staple-by-stranger", key_group, ocsp_invalid, us, "a stapled OCSP response signed by another authority", "",
       [](world& w, int) { return stapled(w, {}, &w.stranger()); }},
      {"staple-try-later", key_group, ocsp_invalid, us, "a stapled OCSP response that says try later", "",
       [](world& w, int) { return stapled(w, {.response_status = 3}); }},
      {"must-staple",
       key_group,
       {},
       {},
       "promises a stapled OCSP response (RFC 7633), and has one",
       "",
       [](world& w, int) { return promising(w, true); }},
      {"must-staple-missing", key_group, revocation_unknown, us, "promises a stapled OCSP response, and has none",
       "s2n takes it", [](world& w, int) { return promising(w, false); }},
  };
}

}  // namespace sluice::testkit::peers
