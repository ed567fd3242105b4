// SPDX-License-Identifier: Apache-2.0
#include "core/x509/certificate_words.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

std::string oid_text(const ASN1_OBJECT* object) {
  std::array<char, 80> text{};
  const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return size > 0 ? text.data() : "(no OID)";
}

// "serverAuth", or the OID of what has no name.
std::string purpose_text(const ASN1_OBJECT* object) {
  const int nid = OBJ_obj2nid(object);
  return nid != NID_undef ? OBJ_nid2sn(nid) : oid_text(object);
}

std::string purposes_of(const X509* x509) {
  const bssl::UniquePtr<EXTENDED_KEY_USAGE> list(
      static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr)));
  std::string text;
  for (std::size_t i = 0; list && i < sk_ASN1_OBJECT_num(list.get()); ++i) {
    text += (i > 0 ? ", " : "") + purpose_text(sk_ASN1_OBJECT_value(list.get(), i));
  }
  return text;
}

// What AWS-LC understands where it is critical.
bool is_understood(const ASN1_OBJECT* object) {
  constexpr std::array known = {NID_netscape_cert_type, NID_key_usage,        NID_subject_alt_name,
                                NID_basic_constraints,  NID_ext_key_usage,    NID_certificate_policies,
                                NID_policy_constraints, NID_name_constraints, NID_policy_mappings,
                                NID_inhibit_any_policy};
  return std::ranges::find(known, OBJ_obj2nid(object)) != known.end();
}

std::string on_one_line(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool is_space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!is_space) made += c;
    if (is_space && !made.empty() && made.back() != ' ') made += ' ';
  }
  while (made.ends_with(' ')) made.pop_back();
  return made;
}

using x509_stack = bssl::UniquePtr<STACK_OF(X509)>;

x509_stack stack_of(std::span<const certificate> certificates) {
  x509_stack made(sk_X509_new_null());
  for (const auto& one : certificates) {
    auto x509 = parse(one);
    if (made && x509 && sk_X509_push(made.get(), x509.get()) != 0) (void)x509.release();
  }
  return made;
}

}  // namespace

// Parsed anew for each question: explanations are rare, and `parts` is the certificate's own.
x509_handle parse(const certificate& c) {
  const auto* at = reinterpret_cast<const unsigned char*>(c.der().data());
  x509_handle x509(d2i_X509(nullptr, &at, static_cast<long>(c.der().size())));
  ERR_clear_error();
  return x509;
}

bool has_signed(const certificate& issuer, const certificate& subject) {
  const auto above = parse(issuer);
  const auto below = parse(subject);
  auto* key = above ? X509_get0_pubkey(above.get()) : nullptr;
  const bool is_signed = key != nullptr && below && X509_verify(below.get(), key) == 1;
  ERR_clear_error();
  return is_signed;
}

std::string quoted(const std::string& name) { return name.empty() ? "(no subject)" : "\"" + name + "\""; }

std::string malformation_of(const certificate& c) {
  const auto x509 = parse(c);
  if (!x509) return "it is not X.509";
  for (int i = 0; i < X509_get_ext_count(x509.get()); ++i) {
    const auto* object = X509_EXTENSION_get_object(X509_get_ext(x509.get(), i));
    // The search starts behind the extension itself, so a hit is a second one (RFC 5280 §4.2 allows one of a kind).
    if (X509_get_ext_by_OBJ(x509.get(), object, i) >= 0) return "its extension " + oid_text(object) + " comes twice";
  }
  const bool is_odd = (X509_get_extension_flags(x509.get()) & EXFLAG_INVALID) != 0;
  ERR_clear_error();
  return is_odd ? "an extension of it is malformed, or contradicts another" : "";
}

std::string unknown_critical(const certificate& c) {
  const auto x509 = parse(c);
  if (!x509 || (X509_get_extension_flags(x509.get()) & EXFLAG_CRITICAL) == 0) return {};
  for (int at = X509_get_ext_by_critical(x509.get(), 1, -1); at >= 0;
       at = X509_get_ext_by_critical(x509.get(), 1, at)) {
    const auto* object = X509_EXTENSION_get_object(X509_get_ext(x509.get(), at));
    if (!is_understood(object)) return "the critical extension " + oid_text(object);
  }
  return "a critical extension";
}

std::string why_no_authority(const certificate& c) {
  const auto x509 = parse(c);
  if (!x509 || X509_check_ca(x509.get()) != 0) return {};
  if (const auto odd = malformation_of(c); !odd.empty()) return odd;
  const auto flags = X509_get_extension_flags(x509.get());
  ERR_clear_error();
  if ((flags & EXFLAG_BCONS) == 0) return "it has no basicConstraints";
  if ((flags & EXFLAG_CA) == 0) return "its basicConstraints say CA:FALSE";
  return "its keyUsage lacks keyCertSign";
}

std::string constraints_of(const certificate& c) {
  const auto x509 = parse(c);
  const int at = x509 ? X509_get_ext_by_NID(x509.get(), NID_name_constraints, -1) : -1;
  const bio_handle bio(at >= 0 ? BIO_new(BIO_s_mem()) : nullptr);
  if (!bio || X509V3_EXT_print(bio.get(), X509_get_ext(x509.get(), at), 0, 0) != 1) return {};
  const unsigned char* data = nullptr;
  std::size_t size = 0;
  if (BIO_mem_contents(bio.get(), &data, &size) != 1) return {};
  return on_one_line({reinterpret_cast<const char*>(data), size});
}

std::string misuse_of(const certificate& c, role judge, bool is_leaf) {
  const auto x509 = parse(c);
  const int purpose = judge == role::client ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;
  if (!x509 || X509_check_purpose(x509.get(), purpose, is_leaf ? 0 : 1) == 1) return {};
  const std::string wanted = judge == role::client ? "serverAuth" : "clientAuth";
  const auto has_purpose =
      (X509_get_extended_key_usage(x509.get()) & (judge == role::client ? XKU_SSL_SERVER : XKU_SSL_CLIENT)) != 0;
  if (const auto found = purposes_of(x509.get()); !found.empty() && !has_purpose)
    return "its extended key usage is " + found + ", and " + wanted + " is needed";
  const auto usage = X509_get_key_usage(x509.get());
  ERR_clear_error();
  if (is_leaf && (usage & X509v3_KU_DIGITAL_SIGNATURE) == 0) return "its keyUsage lacks digitalSignature";
  if (!is_leaf) return why_no_authority(c);
  return {};
}

int path_error(std::span<const certificate> sent, std::span<const certificate> anchors,
               std::chrono::system_clock::time_point now) {
  const bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
  const bssl::UniquePtr<X509_STORE_CTX> ctx(X509_STORE_CTX_new());
  const auto trusted = stack_of(anchors);
  const auto untrusted = stack_of(sent);
  if (!store || !ctx || !trusted || !untrusted || sk_X509_num(untrusted.get()) == 0) return X509_V_ERR_OUT_OF_MEM;
  for (std::size_t i = 0; i < sk_X509_num(trusted.get()); ++i)
    X509_STORE_add_cert(store.get(), sk_X509_value(trusted.get(), i));
  if (X509_STORE_CTX_init(ctx.get(), store.get(), sk_X509_value(untrusted.get(), 0), untrusted.get()) != 1)
    return X509_V_ERR_OUT_OF_MEM;
  X509_STORE_CTX_set_time_posix(ctx.get(), 0, std::chrono::system_clock::to_time_t(now));
  // A certificate in the store is an anchor, whether or not it issued itself (trust.hpp).
  X509_STORE_CTX_set_flags(ctx.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const bool is_good = X509_verify_cert(ctx.get()) == 1;
  ERR_clear_error();
  return is_good ? X509_V_OK : X509_STORE_CTX_get_error(ctx.get());
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
