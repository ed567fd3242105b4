// SPDX-License-Identifier: Apache-2.0
// Our own say about a peer's chain, once s2n and AWS-LC have accepted it: the name, by type; strength, where s2n is too
// lax for a client that must be trusted; and the application's opinion.
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/callbacks.hpp"
#include "core/connection_impl.hpp"
#include "core/known_chain.hpp"
#include "core/x509/certificate_parts.hpp"
#include "core/x509/name_mismatch.hpp"
#include "core/x509/signature_strength.hpp"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace {

using internal::der_view;

// The chain that was verified, leaf first, anchor last, as DER; `copy` owns it.
std::vector<der_view> chain_of(s2n_connection* conn, const internal::chain_handle& copy) {
  std::vector<der_view> chain;
  uint32_t count = 0;
  if (!copy || s2n_connection_get_peer_cert_chain(conn, copy.get()) != S2N_SUCCESS ||
      s2n_cert_chain_get_length(copy.get(), &count) != S2N_SUCCESS) {
    return chain;
  }
  for (uint32_t i = 0; i < count; ++i) {
    s2n_cert* one = nullptr;
    const uint8_t* der = nullptr;
    uint32_t size = 0;
    if (s2n_cert_chain_get_cert(copy.get(), &one, i) != S2N_SUCCESS ||
        s2n_cert_get_der(one, &der, &size) != S2N_SUCCESS)
      return {};
    chain.emplace_back(reinterpret_cast<const std::byte*>(der), size);
  }
  return chain;
}

std::vector<certificate> parse(const std::vector<der_view>& chain) {
  std::vector<certificate> parsed;
  for (const auto& der : chain) {
    auto one = certificate::from_der(der);
    if (!one) return {};
    parsed.push_back(std::move(*one));
  }
  return parsed;
}

internal::x509_handle parse_x509(der_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  internal::x509_handle x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return x509;
}

bool has_small_key(X509* x509) {
  const EVP_PKEY* key = X509_get0_pubkey(x509);
  ERR_clear_error();
  const int type = key ? EVP_PKEY_id(key) : 0;
  return (type == EVP_PKEY_RSA || type == EVP_PKEY_RSA_PSS) && EVP_PKEY_bits(key) < 2048;
}

// "TLS features" (RFC 7633), the SEQUENCE of INTEGERs, with status_request among them: must-staple.
bool promises_response(const X509* x509) {
  const bssl::UniquePtr<ASN1_OBJECT> features(OBJ_txt2obj("1.3.6.1.5.5.7.1.24", 1));
  const int at = features ? X509_get_ext_by_OBJ(x509, features.get(), -1) : -1;
  if (at < 0) return false;
  const auto* value = X509_EXTENSION_get_data(X509_get_ext(x509, at));
  CBS text, list;
  CBS_init(&text, ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
  if (CBS_get_asn1(&text, &list, CBS_ASN1_SEQUENCE) != 1) return false;
  constexpr std::uint64_t status_request = 5;
  std::uint64_t feature = 0;
  while (CBS_get_asn1_uint64(&list, &feature) == 1) {
    if (feature == status_request) return true;
  }
  return false;
}

failure refusal_of(errc cause, const std::string& place, const X509* x509, std::size_t depth, std::string_view detail,
                   std::string_view remedy) {
  auto error = internal::in_phase(phase::handshake, make_failure(cause, place, detail, remedy));
  error.certificate = internal::subject_of(x509);
  error.depth = static_cast<int>(depth);
  return error;
}

// The anchor's own signature proves nothing and is not looked at; its key signs and is.
result<void> check_strength(const allowances& allow, const std::string& place, X509* x509, std::size_t depth,
                            bool is_anchor) {
  using grade = internal::signature_strength::grade;
  const auto strength = internal::strength_of_signature(x509);
  const bool is_strong =
      strength.is == grade::good || (strength.is == grade::old && allow.sha1_signatures) || is_anchor;
  if (!is_strong) {
    const auto* remedy = strength.is == grade::old
                             ? "have it issued anew with SHA-256 (or set allowances::sha1_signatures)"
                             : "have it issued anew with SHA-256";
    return refusal_of(errc::certificate_weak, place, x509, depth,
                      "\"" + internal::subject_of(x509) + "\" is signed with " + strength.algorithm, remedy);
  }
  // AWS-LC verifies signatures of DSA, and hardly anybody else does any more.
  const auto* key = X509_get0_pubkey(x509);
  if (key != nullptr && EVP_PKEY_id(key) == EVP_PKEY_DSA) {
    return refusal_of(errc::certificate_weak, place, x509, depth,
                      "\"" + internal::subject_of(x509) + "\" has a DSA key",
                      "have the chain issued by an authority with RSA or ECDSA");
  }
  if (!allow.small_rsa_keys && has_small_key(x509)) {
    return refusal_of(
        errc::certificate_weak, place, x509, depth,
        "\"" + internal::subject_of(x509) + "\" has the key " + internal::key_description(X509_get0_pubkey(x509)),
        "use RSA with 2048 bits or more, or ECDSA (or set allowances::small_rsa_keys)");
  }
  return {};
}

// A date that cannot be read is no date to rely on.
void narrow_to_validity(internal::chain_memory::verdict& found, const X509* x509) noexcept {
  using std::chrono::sys_seconds;
  std::int64_t from = 0;
  std::int64_t until = 0;
  const bool has_end = ASN1_TIME_to_posix(X509_get0_notAfter(x509), &until) == 1;
  if (has_end) found.first_expiry = std::min(found.first_expiry, sys_seconds(std::chrono::seconds(until)));
  if (!has_end || ASN1_TIME_to_posix(X509_get0_notBefore(x509), &from) != 1) {
    found.until = sys_seconds::min();
    return;
  }
  found.from = std::max(found.from, sys_seconds(std::chrono::seconds(from)));
  found.until = std::min(found.until, sys_seconds(std::chrono::seconds(until)));
}

// May a certificate stand at the end of a chain, and its key do what it is asked to? `is_trusted`: it is itself an
// anchor, and may be an authority's.
result<void> check_leaf(const std::string& place, X509* x509, bool is_trusted, bool signs) {
  const auto name = "\"" + internal::subject_of(x509) + "\"";
  if (!is_trusted && (X509_get_extension_flags(x509) & EXFLAG_CA) != 0) {
    return refusal_of(errc::wrong_purpose, place, x509, 0, name + " is an authority's (basicConstraints CA:TRUE)",
                      "have it issue a certificate for this name, and serve that");
  }
  const auto usage = X509_get_key_usage(x509);  // all bits where there is no such extension
  if (signs && (usage & X509v3_KU_DIGITAL_SIGNATURE) == 0) {
    return refusal_of(errc::wrong_purpose, place, x509, 0, "the keyUsage of " + name + " lacks digitalSignature",
                      "have one issued with the key usage digitalSignature (RFC 8446 §4.4.2.2)");
  }
  if (!signs && (usage & X509v3_KU_KEY_ENCIPHERMENT) == 0) {
    return refusal_of(errc::wrong_purpose, place, x509, 0, "the keyUsage of " + name + " lacks keyEncipherment",
                      "have one issued with the key usage keyEncipherment, or use ECDHE (RFC 5246 §7.4.2)");
  }
  return {};
}

}  // namespace

bool connection::impl::trusts(std::span<const std::byte> der) const {
  const auto& trust = shared().trust;
  return trust && std::ranges::any_of(trust->anchors(),
                                      [der](const certificate& one) { return std::ranges::equal(one.der(), der); });
}

// Every certificate is checked, the leaf first; the verdict holds while none of them expires.
result<internal::chain_memory::verdict> connection::impl::judge_certificates(
    std::span<const internal::der_view> chain) {
  internal::chain_memory::verdict found;
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const auto x509 = parse_x509(chain[i]);
    if (!x509) return make_failure(errc::certificate_malformed, target.place);
    narrow_to_validity(found, x509.get());
    const bool is_anchor = i > 0 && i + 1 == chain.size();
    auto strong = check_strength(shared().allow, target.place, x509.get(), i, is_anchor);
    if (!strong) return strong.error();
    if (i > 0) continue;
    auto fit = check_leaf(target.place, x509.get(), trusts(chain[i]), internal::leaf_signs(conn.get(), side));
    if (!fit) return fit.error();
    if (side == role::server) continue;
    found.promises_staple = promises_response(x509.get());
    const bool fits =
        target.is_ip ? internal::matches_ip(x509.get(), target.server_name) ||
                           (shared().allow.dns_name_as_ip && internal::matches_host(x509.get(), target.server_name))
                     : internal::matches_host(x509.get(), target.server_name, shared().allow.common_name);
    if (fits) continue;
    const auto leaf = certificate::from_der(chain[i]);
    const auto words =
        leaf ? internal::explain_name(*leaf, target.server_name, target.is_ip) : internal::name_mismatch();
    return refusal_of(errc::name_mismatch, target.place, x509.get(), i, words.detail, words.remedy);
  }
  return found;
}

// The application is asked last, about a chain that is good in all else, and each time.
result<void> connection::impl::judge_chain() {
  const auto sent = internal::sent_by_client(conn.get(), side);
  const bool is_known = !sent.empty() && knows_chain(sent);
  if (is_known && !shared().accept) return {};
  const internal::chain_handle copy(s2n_cert_chain_and_key_new());
  const auto chain = chain_of(conn.get(), copy);
  if (chain.empty()) return make_failure(errc::internal, target.place, "the verified chain cannot be read");
  if (!is_known && !(side == role::client && knows_chain(chain))) {
    const auto found = judge_certificates(chain);
    if (!found) return found.error();
    note_chain(sent, chain, *found);
  }
  if (!shared().accept) return {};
  const auto parsed = parse(chain);
  if (!parsed.empty() && shared().accept(parsed)) return {};
  const auto leaf = parse_x509(chain.front());
  return refusal_of(errc::certificate_rejected, target.place, leaf.get(), 0,
                    "the certificate is \"" + internal::subject_of(leaf.get()) + "\"", "");
}

// False with the reason in errors.of_callback.
bool connection::impl::accepts_chain() {
  auto verdict = judge_chain();
  if (!verdict) errors.of_callback = verdict.error();
  if (verdict && handshake.recorder) handshake.recorder->chain_is_good();
  return verdict.has_value();
}

std::vector<certificate> connection::verified_chain() const {
  if (!impl_ || !impl_->ctx.verifies() || !impl_->conn) return {};
  const internal::chain_handle copy(s2n_cert_chain_and_key_new());
  return parse(chain_of(impl_->conn.get(), copy));
}

std::vector<certificate> connection::unverified_certificates() const {
  return impl_ ? impl_->unverified_certificates() : std::vector<certificate>();
}

std::vector<certificate> connection::impl::unverified_certificates() const {
  if (!conn) return {};
  // A client reads version and cipher in the server's hello; a server has chosen both by the time that certificates
  // come.
  if (side == role::client) return handshake.flight.certificates();
  internal::hello settled;
  uint8_t first = 0;
  uint8_t second = 0;
  if (s2n_connection_get_cipher_iana_value(conn.get(), &first, &second) != S2N_SUCCESS) return {};
  settled.cipher = static_cast<std::uint16_t>(first << 8 | second);
  settled.version = s2n_connection_get_actual_protocol_version(conn.get()) == S2N_TLS13 ? internal::wire::version_tls13
                                                                                        : internal::wire::version_tls12;
  return handshake.flight.certificates(settled);
}

namespace internal {

// s2n asks with each name as text, untyped; the typed check follows in on_chain_validated. Nothing is verified yet.
extern "C" uint8_t on_verify_host(const char*, size_t, void* c) noexcept {
  try {
    static_cast<sluice::connection::impl*>(c)->choose_anchors();
    return 1;
  } catch (...) {
    return 0;
  }
}

extern "C" int on_chain_validated(s2n_connection* connection, s2n_cert_validation_info* info, void*) noexcept {
  auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
  bool accepted = false;
  try {
    accepted = c != nullptr && c->accepts_chain();
  } catch (const std::exception& thrown) {
    c->errors.of_callback = make_failure(errc::certificate_rejected, c->target.place, thrown.what());
  } catch (...) {
    c->errors.of_callback = make_failure(errc::certificate_rejected, c->target.place, "the application's check threw");
  }
  if (c != nullptr) c->errors.of_callback.at = phase::handshake;
  return accepted ? s2n_cert_validation_accept(info) : s2n_cert_validation_reject(info);
}

extern "C" int on_wall_clock(void* ctx, uint64_t* nanoseconds) noexcept {
  const auto now = static_cast<context::state*>(ctx)->clock->now().time_since_epoch();
  *nanoseconds = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return S2N_SUCCESS;
}

extern "C" int on_monotonic_clock(void* ctx, uint64_t* nanoseconds) noexcept {
  const auto now = static_cast<context::state*>(ctx)->clock->steady().time_since_epoch();
  *nanoseconds = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  return S2N_SUCCESS;
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
