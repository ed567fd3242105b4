// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/ocsp.hpp"

#include "testkit/authority/keys.hpp"

#include <openssl/base64.h>
#include <openssl/bio.h>
#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace sluice::testkit {
namespace {

using std::chrono::system_clock;
using asn1_time = bssl::UniquePtr<ASN1_TIME>;

// Seconds: nanoseconds end in 2262.
asn1_time moment(std::chrono::sys_seconds when) {
  return asn1_time(ASN1_TIME_set(nullptr, when.time_since_epoch().count()));
}

bool is_by(const authority& issuer, OCSP_CERTID* asked) {
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_INTEGER* serial = nullptr;
  if (OCSP_id_get0_info(nullptr, &algorithm, nullptr, &serial, asked) != 1) return false;
  const auto* digest = EVP_get_digestbyobj(algorithm);
  if (!digest) return false;
  const bssl::UniquePtr<OCSP_CERTID> ours(
      OCSP_cert_id_new(digest, X509_get_subject_name(issuer.x509()), X509_get0_pubkey_bitstr(issuer.x509()), serial));
  return ours && OCSP_id_issuer_cmp(ours.get(), asked) == 0;
}

std::string serial_of(OCSP_CERTID* asked) {
  ASN1_INTEGER* serial = nullptr;
  OCSP_id_get0_info(nullptr, nullptr, nullptr, &serial, asked);
  const std::span bytes(ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial)));
  std::string made;
  for (const auto b : bytes) {
    made += "0123456789abcdef"[b / 16];
    made += "0123456789abcdef"[b % 16];
  }
  return made;
}

bool add(OCSP_BASICRESP* response, OCSP_CERTID* asked, const certificate_standing& known, std::chrono::hours validity) {
  using std::chrono::floor;
  using std::chrono::seconds;
  const auto now = floor<seconds>(system_clock::now());
  const auto from = moment(now), until = moment(now + validity), revoked_at = moment(floor<seconds>(known.revoked_at));
  if (!from || !until || !revoked_at) return false;
  const bool is_revoked = known.what == standing::revoked;
  const int status = is_revoked                     ? V_OCSP_CERTSTATUS_REVOKED
                     : known.what == standing::good ? V_OCSP_CERTSTATUS_GOOD
                                                    : V_OCSP_CERTSTATUS_UNKNOWN;
  return OCSP_basic_add1_status(response, asked, status, OCSP_REVOKED_STATUS_UNSPECIFIED,
                                is_revoked ? revoked_at.get() : nullptr, from.get(), until.get()) != nullptr;
}

std::string der(OCSP_RESPONSE* response) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  if (!out || i2d_OCSP_RESPONSE_bio(out.get(), response) != 1 || BIO_mem_contents(out.get(), &data, &size) != 1)
    return {};
  return {reinterpret_cast<const char*>(data), size};
}

std::string without_escapes(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char code = 0;
    const bool is_escape = text[i] == '%' && i + 2 < text.size() &&
                           std::from_chars(&text[i + 1], &text[i + 1] + 2, code, 16).ptr == &text[i + 1] + 2;
    made += is_escape ? static_cast<char>(code) : text[i];
    if (is_escape) i += 2;
  }
  return made;
}

// The authority's key is not compared: it may not be at hand, and a serial number is given once.
bool is_about(OCSP_CERTID* id, X509* leaf) {
  ASN1_OCTET_STRING* name = nullptr;
  ASN1_OBJECT* algorithm = nullptr;
  ASN1_INTEGER* serial = nullptr;
  if (OCSP_id_get0_info(&name, &algorithm, nullptr, &serial, id) != 1) return false;
  const auto* digest = EVP_get_digestbyobj(algorithm);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (!digest || X509_NAME_digest(X509_get_issuer_name(leaf), digest, hash.data(), &size) != 1) return false;
  const std::span named(ASN1_STRING_get0_data(name), static_cast<std::size_t>(ASN1_STRING_length(name)));
  return std::ranges::equal(named, std::span(hash).first(size)) &&
         ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(leaf)) == 0;
}

template <class Object, class Parse>
bssl::UniquePtr<Object> parsed(Parse parse, const void* bytes, std::size_t size) {
  const auto* at = static_cast<const std::uint8_t*>(bytes);
  const auto* end = at + size;
  bssl::UniquePtr<Object> made(parse(nullptr, &at, static_cast<long>(size)));
  ERR_clear_error();
  return at == end ? std::move(made) : nullptr;
}

}  // namespace

result<void> check_staple(std::string_view response, const certificate& leaf, const std::string& where) {
  const auto whole = parsed<OCSP_RESPONSE>(d2i_OCSP_RESPONSE, response.data(), response.size());
  const int status = whole ? OCSP_response_status(whole.get()) : OCSP_RESPONSE_STATUS_SUCCESSFUL;
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return unfit(errc::invalid_argument, where,
                 std::string("the responder gave no answer: ") + OCSP_response_status_str(status),
                 "ask the responder again");
  }
  const bssl::UniquePtr<OCSP_BASICRESP> basic(whole ? OCSP_response_get1_basic(whole.get()) : nullptr);
  ERR_clear_error();
  if (!basic) return unfit(errc::bad_der, where, "not an OCSP response", "give one in DER, as a responder sends it");
  const auto x509 = parsed<X509>(d2i_X509, leaf.der().data(), leaf.der().size());
  for (int i = 0; x509 && i < OCSP_resp_count(basic.get()); ++i) {
    const auto* one = OCSP_SINGLERESP_get0_id(OCSP_resp_get0(basic.get(), static_cast<std::size_t>(i)));
    if (is_about(const_cast<OCSP_CERTID*>(one), x509.get())) return {};
  }
  return unfit(errc::invalid_argument, where,
               "the OCSP response in it is about another certificate than \"" + leaf.subject() + '"',
               "fetch one for this certificate; for several --cert give one --ocsp each, in the same order");
}

std::string ocsp_request_in(std::string_view path) {
  const auto text = without_escapes(path.substr(std::min(path.find_first_not_of('/'), path.size())));
  std::string made(text.size(), '\0');
  std::size_t size = 0;
  const auto* from = reinterpret_cast<const uint8_t*>(text.data());
  const bool done =
      EVP_DecodeBase64(reinterpret_cast<uint8_t*>(made.data()), &size, made.size(), from, text.size()) == 1;
  made.resize(done ? size : 0);
  return made;
}

result<std::string> answer_ocsp(const authority& issuer, std::string_view request, const standing_of& look_up,
                                std::chrono::hours validity) {
  const bssl::UniquePtr<BIO> in(BIO_new_mem_buf(request.data(), static_cast<int>(request.size())));
  const bssl::UniquePtr<OCSP_REQUEST> asked(d2i_OCSP_REQUEST_bio(in.get(), nullptr));
  if (!asked) {
    ERR_clear_error();
    const bssl::UniquePtr<OCSP_RESPONSE> refused(OCSP_response_create(OCSP_RESPONSE_STATUS_MALFORMEDREQUEST, nullptr));
    return der(refused.get());
  }
  const bssl::UniquePtr<OCSP_BASICRESP> response(OCSP_BASICRESP_new());
  bool done = response != nullptr;
  for (int i = 0; done && i < OCSP_request_onereq_count(asked.get()); ++i) {
    auto* id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(asked.get(), i));
    done = add(response.get(), id, is_by(issuer, id) ? look_up(serial_of(id)) : certificate_standing{}, validity);
  }
  auto* key = issuer.signer().get();
  done = done && OCSP_copy_nonce(response.get(), asked.get()) >= 0 &&
         OCSP_basic_sign(response.get(), issuer.x509(), key, digest_for(key, "sha256"), nullptr, 0) == 1;
  const bssl::UniquePtr<OCSP_RESPONSE> made(done ? OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, response.get())
                                                 : nullptr);
  auto text = made ? der(made.get()) : std::string();
  if (text.empty()) return crypto_failure("OCSP response");
  return text;
}

}  // namespace sluice::testkit
