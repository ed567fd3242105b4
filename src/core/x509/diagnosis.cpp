// SPDX-License-Identifier: Apache-2.0
#include "core/x509/diagnosis.hpp"

#include "core/x509/certificate_words.hpp"
#include "core/x509/signature_strength.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

bool is_self_issued(const certificate& c) { return std::ranges::equal(c.subject_der(), c.issuer_der()); }

bool names(const certificate& subject, const certificate& issuer) {
  return std::ranges::equal(subject.issuer_der(), issuer.subject_der());
}

using path_type = std::vector<const certificate*>;

// The certificates with the issuer's name; the one that signed comes first, since there may be several.
// Several certificates may have one name: a renewed authority, a cross-signed one. The one whose key made the signature
// is meant; one that merely has the name is still the best explanation of what the peer intended.
const certificate* find_issuer(std::span<const certificate> among, const certificate& of) {
  const certificate* named = nullptr;
  for (const auto& one : among) {
    if (!names(of, one)) continue;
    if (has_signed(one, of)) return &one;
    if (named == nullptr) named = &one;
  }
  return named;
}

std::string trusted_text(const judged_chain& chain) { return store_text(chain.anchors.size(), chain.store); }

// `one` is among what was sent, or an anchor, which is after all of that.
void point_at(failure& error, const judged_chain& chain, const certificate& one) {
  error.certificate = one.subject();
  const auto found = std::ranges::find_if(chain.sent, [&](const certificate& c) { return &c == &one; });
  error.depth = static_cast<int>(found - chain.sent.begin());
}

bool is_anchor(const judged_chain& chain, const certificate& one) {
  return std::ranges::any_of(chain.anchors, [&](const certificate& c) { return &c == &one; });
}

// "\"CN=Root\", which is trusted,"
std::string held(const judged_chain& chain, const certificate& one) {
  return quoted(one.subject()) + (is_anchor(chain, one) ? ", which " + chain.store + " holds," : "");
}

void blame(failure& error, const judged_chain& chain, const certificate& one, errc cause, std::string detail,
           std::string remedy) {
  point_at(error, chain, one);
  if (cause_of(error.code) != cause) error.code = make_error_code(cause);
  error.detail = std::move(detail);
  error.remedy = std::move(remedy);
}

// A certificate of the path that no verifier could accept: malformed, or its key is of no known kind.
// The explanations are tried from the particular to the general, and each returns true for the first certificate of the
// path that it fits: what cannot be read at all, what is signed too weakly, what is not signed by whom it says, and
// what was issued by an authority that may not.
bool explain_oddity(failure& error, const judged_chain& chain, const path_type& path) {
  for (const auto* one : path) {
    if (const auto odd = malformation_of(*one); !odd.empty()) {
      blame(error, chain, *one, errc::certificate_malformed, held(chain, *one) + " is malformed: " + odd,
            "have it issued anew");
      return true;
    }
    if (const auto x509 = parse(*one); x509 && X509_get0_pubkey(x509.get()) == nullptr) {
      blame(error, chain, *one, cause_of(error.code),
            "the key of " + held(chain, *one) +
                " is of a kind, or on a "
                "curve, that is not supported",
            "use RSA, or ECDSA on P-256, P-384 or P-521");
      return true;
    }
    if (const auto critical = unknown_critical(*one); !critical.empty()) {
      blame(error, chain, *one, errc::certificate_malformed,
            held(chain, *one) + " has " + critical + ", which is not understood",
            "have it issued anew without it, or not critical");
      return true;
    }
  }
  return false;
}

// The anchor's own signature is not looked at.
bool explain_weakness(failure& error, const judged_chain& chain, const path_type& path) {
  for (const auto* one : path) {
    const auto x509 = is_anchor(chain, *one) ? nullptr : parse(*one);
    if (!x509) continue;
    const auto strength = strength_of_signature(x509.get());
    if (strength.is == signature_strength::grade::good) continue;
    blame(error, chain, *one, errc::certificate_weak, quoted(one->subject()) + " is signed with " + strength.algorithm,
          "have it issued anew with SHA-256");
    return true;
  }
  return false;
}

// A signature that is not by the key of the certificate with the issuer's name.
bool explain_signature(failure& error, const judged_chain& chain, const path_type& path) {
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    if (has_signed(*path[i + 1], *path[i])) continue;
    const auto issuer = quoted(path[i + 1]->subject());
    if (is_anchor(chain, *path[i + 1])) {
      blame(error, chain, *path[i], cause_of(error.code),
            "an authority named " + issuer + " is trusted, but it did not sign " + quoted(path[i]->subject()),
            "compare the authority's key: it may have been replaced");
    } else {
      blame(error, chain, *path[i], cause_of(error.code),
            issuer + " was sent as its issuer, but did not sign " + quoted(path[i]->subject()),
            "have the peer send the intermediate that did");
    }
    point_at(error, chain, *path.front());
    return true;
  }
  return false;
}

// The certificate that had no right to issue the next.
bool explain_overreach(failure& reason, const judged_chain& chain, const path_type& path) {
  constexpr auto* remedy = "have the certificate issued by an authority that may";
  for (std::size_t i = 1; i < path.size(); ++i) {
    const auto x509 = parse(*path[i]);
    const long max_below = x509 ? X509_get_pathlen(x509.get()) : -1;
    const auto name = held(chain, *path[i]);
    if (const auto error = why_no_authority(*path[i]); !error.empty()) {
      blame(reason, chain, *path[i], cause_of(reason.code),
            name + " is not an authority (" + error + "), but issued " + quoted(path[i - 1]->subject()), remedy);
      return true;
    }
    if (max_below >= 0 && static_cast<std::size_t>(max_below) < i - 1) {
      blame(reason, chain, *path[i], cause_of(reason.code),
            name + " may have " + std::to_string(max_below) + " authorities below it, and has " + std::to_string(i - 1),
            remedy);
      return true;
    }
  }
  return false;
}

bool explain_constraints(failure& error, const judged_chain& chain, const path_type& path) {
  for (std::size_t i = 1; i < path.size(); ++i) {
    const auto constraints = constraints_of(*path[i]);
    if (constraints.empty()) continue;
    blame(error, chain, *path[i], cause_of(error.code),
          held(chain, *path[i]) + " may issue for certain names only, which those of " +
              quoted(chain.sent.front().subject()) + " are not (" + constraints + ")",
          "have the certificate issued by an authority that may");
    return true;
  }
  return false;
}

bool is_about_names(int error) {
  return error == X509_V_ERR_PERMITTED_VIOLATION || error == X509_V_ERR_EXCLUDED_VIOLATION ||
         error == X509_V_ERR_SUBTREE_MINMAX || error == X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE ||
         error == X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX || error == X509_V_ERR_UNSUPPORTED_NAME_SYNTAX ||
         error == X509_V_ERR_NAME_CONSTRAINTS_WITHOUT_SANS;
}

// The path reaches a name that is trusted, and is refused.
// The names lead to an anchor, so the reason is in one of the certificates. AWS-LC is asked once for the kind of error;
// which certificate it is, the explanations find out, in the order of what can be said most precisely.
void explain_path(failure& reason, const judged_chain& chain, const path_type& path) {
  const auto error = path_error(chain.sent, chain.anchors, chain.now);
  if (is_about_names(error) && explain_constraints(reason, chain, path)) return;
  if (explain_oddity(reason, chain, path) || explain_weakness(reason, chain, path) ||
      explain_signature(reason, chain, path) || explain_overreach(reason, chain, path)) {
    return;
  }
  reason.detail = "it leads to a trusted authority, but one certificate in it may not issue the next";
  reason.remedy = "have the certificate issued by an authority that may";
}

void explain_circle(failure& error, const path_type& path) {
  error.detail = "the chain goes in a circle, and no authority is at its end: ";
  for (const auto* one : path) error.detail += quoted(one->subject()) + ", issued by ";
  error.detail += quoted(path.back()->issuer());
  error.remedy = "have the peer send the intermediates of one authority only";
}

// Follows issuers from the leaf until one is missing.
void explain_untrusted(failure& error, const judged_chain& chain) {
  const auto& leaf = chain.sent.front();
  point_at(error, chain, leaf);
  if (is_self_issued(leaf) && has_signed(leaf, leaf)) {
    error.code = make_error_code(errc::self_signed);
    error.detail = quoted(leaf.subject()) + " vouches for itself; " + trusted_text(chain);
    error.remedy = "trust it by name if it is the one you expect, or use a certificate of an authority";
    return;
  }
  // From here on `path` is a way from the leaf upwards, each certificate followed by one that has its issuer's name.
  // Anchors come before what was sent, as they do in verification. It ends at an anchor, in a circle, or where nobody
  // has the name; a certificate that issued itself is its own end.
  path_type path = {&leaf};
  for (;;) {
    const auto& last = *path.back();
    if (const auto* anchor = find_issuer(chain.anchors, last)) {
      path.push_back(anchor);
      return explain_path(error, chain, path);
    }
    const auto* issuer = find_issuer(chain.sent, last);
    if (issuer == nullptr || issuer == &last) break;
    // Two cross-signed authorities make a circle: without this look the loop would not end.
    if (std::ranges::find(path, issuer) != path.end()) return explain_circle(error, path);
    path.push_back(issuer);
  }
  const auto& last = *path.back();
  if (is_self_issued(last) && has_signed(last, last)) {
    error.detail =
        "the chain ends at the authority " + quoted(last.subject()) + ", which is not trusted; " + trusted_text(chain);
    error.remedy = "add that authority to the trust, if you know it";
    return;
  }
  if (is_self_issued(last)) {
    error.detail = quoted(last.subject()) +
                   " has its own name as its issuer's, but another key signed it, and that "
                   "one's certificate is neither sent nor trusted; " +
                   trusted_text(chain);
    error.remedy = "compare the keys, not the names: have the peer send the issuer, or trust it";
    return;
  }
  error.detail = quoted(last.subject()) + " was issued by " + quoted(last.issuer()) +
                 ", which is neither sent nor trusted; " + trusted_text(chain);
  const auto& urls = last.issuer_urls();
  error.remedy = "have the peer send its intermediate certificates" +
                 (urls.empty() ? std::string() : " (this one is at " + urls.front() + ")") + ", or trust the issuer";
}

// The issuer of a certificate of the chain, among the anchors.
const certificate* find_anchor(const judged_chain& chain) {
  for (const auto& one : chain.sent) {
    if (const auto* anchor = find_issuer(chain.anchors, one)) return anchor;
  }
  return nullptr;
}

void explain_dates(failure& error, const judged_chain& chain, bool is_expired) {
  const auto now = std::chrono::floor<std::chrono::seconds>(chain.now);
  const auto blame_dates = [&](const certificate& c) {
    const auto edge = is_expired ? c.valid_until() : c.valid_from();
    const auto distance = is_expired ? now - edge : edge - now;
    // s2n does not say which certificate it was: it is the first one whose dates do not include now.
    if (distance <= std::chrono::seconds(0)) return false;
    point_at(error, chain, c);
    error.detail = held(chain, c) + (is_expired ? " expired " : " becomes valid in ") + length_text(distance) +
                   (is_expired ? " ago (" : " (") + date_text(edge) + ")";
    return true;
  };
  if (std::ranges::any_of(chain.sent, blame_dates)) return;
  const auto* anchor = find_anchor(chain);
  if (anchor == nullptr || !blame_dates(*anchor)) return;
  error.remedy = is_expired ? "renew the trust: it is the authority that has expired, not the peer's certificate"
                            : "correct this machine's clock, or the trust";
}

void explain_malformed(failure& error, const judged_chain& chain) {
  path_type path;
  for (const auto& one : chain.sent) path.push_back(&one);
  if (const auto* anchor = find_anchor(chain)) path.push_back(anchor);
  explain_oddity(error, chain, path);
}

void explain_weak(failure& error, const judged_chain& chain) {
  // Somebody has pointed at a certificate already, with better knowledge.
  if (!error.certificate.empty()) return;
  path_type path;
  for (const auto& one : chain.sent) path.push_back(&one);
  if (explain_weakness(error, chain, path)) return;
  for (const auto& one : chain.sent)
    error.detail += (error.detail.empty() ? "" : ", ") + quoted(one.subject()) + " (" + one.key() + ")";
  error.detail = "the policy does not allow a key or signature among " + error.detail;
}

}  // namespace

std::string store_text(std::size_t anchors, std::string_view store) {
  const auto these = anchors == 1 ? std::string("trusted is the one certificate of ")
                                  : "trusted are the " + std::to_string(anchors) + " certificates of ";
  return these + std::string(store);
}

std::string date_text(std::chrono::sys_seconds time) {
  const auto seconds = static_cast<std::time_t>(time.time_since_epoch().count());
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string length_text(std::chrono::seconds length) {
  struct unit {
    long seconds;
    const char* name;
  };
  for (const auto& u : {unit{86400, "day"}, unit{3600, "hour"}, unit{60, "minute"}, unit{1, "second"}}) {
    const auto count = length.count() / u.seconds;
    if (count > 0) return std::to_string(count) + " " + u.name + (count > 1 ? "s" : "");
  }
  return "less than a second";
}

// Which certificate does not serve, and for what.
void explain_purpose(failure& error, const judged_chain& chain) {
  if (!error.certificate.empty()) return;
  const auto& leaf = chain.sent.front();
  const auto x509 = parse(leaf);
  error.code = make_error_code(errc::wrong_purpose);
  if (x509 && X509_check_ca(x509.get()) != 0) {
    const auto is_own_issuer =
        std::ranges::any_of(chain.sent.subspan(1), [&](const certificate& c) { return has_signed(leaf, c); });
    return blame(error, chain, leaf, errc::wrong_purpose, quoted(leaf.subject()) + " is an authority's",
                 is_own_issuer ? "send the server's own certificate first, then those of its issuers, in order"
                               : "have it issue a certificate for this name, and serve that");
  }
  for (const auto& one : chain.sent) {
    const auto misuse = misuse_of(one, chain.judge, &one == &leaf);
    if (misuse.empty()) continue;
    const auto* wanted = chain.judge == role::client ? "serverAuth" : "clientAuth";
    const bool is_usage = misuse.find("keyUsage") != misuse.npos;
    return blame(error, chain, one, errc::wrong_purpose, quoted(one.subject()) + ": " + misuse,
                 is_usage ? "have one issued with the key usage digitalSignature"
                          : std::string("have one issued with the extended key usage ") + wanted);
  }
}

void explain_certificate(failure& error, const judged_chain& chain) {
  if (chain.sent.empty()) return;
  switch (cause_of(error.code)) {
    case errc::untrusted: return explain_untrusted(error, chain);
    case errc::expired: return explain_dates(error, chain, true);
    case errc::not_yet_valid: return explain_dates(error, chain, false);
    case errc::chain_too_long:
      error.detail = std::to_string(chain.sent.size()) + " certificates were sent, and " + std::to_string(chain.most) +
                     " are allowed";
      return;
    case errc::wrong_purpose: explain_purpose(error, chain); break;
    case errc::certificate_weak: explain_weak(error, chain); break;
    case errc::certificate_malformed: explain_malformed(error, chain); break;
    case errc::revoked: break;
    default: return;
  }
  if (error.certificate.empty()) point_at(error, chain, chain.sent.front());
  if (error.detail.empty()) error.detail = quoted(chain.sent.front().subject()) + " (" + chain.sent.front().key() + ")";
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
