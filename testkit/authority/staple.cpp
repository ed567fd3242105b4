// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/staple.hpp"

#include "testkit/authority/x509.hpp"

#include <openssl/asn1.h>
#include <openssl/mem.h>
#include <openssl/ocsp.h>

#include <ctime>
#include <stdexcept>

namespace sluice::testkit {
namespace {

bssl::UniquePtr<ASN1_TIME> hours_from_now(std::chrono::hours hours) {
  const auto seconds = static_cast<int64_t>(std::time(nullptr)) + std::chrono::seconds(hours).count();
  bssl::UniquePtr<ASN1_TIME> made(ASN1_TIME_new());
  const bssl::UniquePtr<ASN1_GENERALIZEDTIME> general(ASN1_GENERALIZEDTIME_set(nullptr, seconds));
  ASN1_STRING_copy(made.get(), general.get());
  return made;
}

std::vector<std::byte> der_of(OCSP_RESPONSE* response) {
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  if (size <= 0) throw std::runtime_error("the OCSP response cannot be encoded");
  const auto* first = reinterpret_cast<const std::byte*>(der);
  std::vector<std::byte> bytes(first, first + size);
  OPENSSL_free(der);
  return bytes;
}

int status_number(ocsp_options::status status) {
  switch (status) {
    case ocsp_options::status::good: return V_OCSP_CERTSTATUS_GOOD;
    case ocsp_options::status::revoked: return V_OCSP_CERTSTATUS_REVOKED;
    case ocsp_options::status::unknown: return V_OCSP_CERTSTATUS_UNKNOWN;
  }
  return V_OCSP_CERTSTATUS_UNKNOWN;
}

}  // namespace

std::vector<std::byte> ocsp_response(const authority& issuer, const std::string& certificate_pem,
                                     const ocsp_options& options, const authority* responder) {
  if (options.response_status != 0) {
    const bssl::UniquePtr<OCSP_RESPONSE> refusal(OCSP_response_create(options.response_status, nullptr));
    return der_of(refusal.get());
  }
  const auto subject = parse_certificate(certificate_pem);
  const bssl::UniquePtr<OCSP_CERTID> id(OCSP_cert_to_id(EVP_sha1(), subject.get(), issuer.x509()));
  const bssl::UniquePtr<OCSP_BASICRESP> basic(OCSP_BASICRESP_new());
  const auto now = hours_from_now(-options.age);
  const auto next = hours_from_now(options.validity);
  const auto& signer = responder != nullptr ? *responder : issuer;
  const bool done = OCSP_basic_add1_status(basic.get(), id.get(), status_number(options.says), 0, now.get(), now.get(),
                                           next.get()) != nullptr &&
                    OCSP_basic_sign(basic.get(), signer.x509(), signer.signer().get(), EVP_sha256(), nullptr, 0) == 1;
  if (!done) throw std::runtime_error("the OCSP response cannot be made");
  const bssl::UniquePtr<OCSP_RESPONSE> response(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  return der_of(response.get());
}

}  // namespace sluice::testkit
