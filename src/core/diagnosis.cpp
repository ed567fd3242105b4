// SPDX-License-Identifier: Apache-2.0
#include "core/diagnosis.hpp"

#include "core/handles.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

namespace sluice::inline v0::internal {
namespace {

bool is_self_issued(const certificate& c) { return c.subject() == c.issuer(); }

const certificate* find_by_subject(std::span<const certificate> among, const std::string& subject) {
  const auto found = std::ranges::find_if(among, [&](const certificate& c) { return c.subject() == subject; });
  return found != among.end() ? &*found : nullptr;
}

std::string quoted(const std::string& name) { return name.empty() ? "(no subject)" : "\"" + name + "\""; }

std::string trusted_text(const judged_chain& chain) { return store_text(chain.anchors.size(), chain.store); }

void point_at(failure& story, const judged_chain& chain, std::size_t index) {
  story.certificate = chain.sent[index].subject();
  story.depth = static_cast<int>(index);
}

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

// The chain reaches an anchor, every signature may be right, and it is refused: who had no right to issue the next?
void explain_overreach(failure& story, const judged_chain& chain, std::span<const certificate* const> path) {
  for (const auto* link : path) {
    const auto x509 = parse(*link);
    if (!x509 || X509_get_signature_nid(x509.get()) != NID_md5WithRSAEncryption) continue;
    story.detail = quoted(link->subject()) + " is signed with MD5, which proves nothing";
    story.remedy = "have it issued anew with SHA-256";
    return;
  }
  for (std::size_t i = 1; i < path.size(); ++i) {
    const auto x509 = parse(*path[i]);
    if (!x509) continue;
    const auto name = quoted(path[i]->subject());
    const long most_below = X509_get_pathlen(x509.get());
    std::string detail;
    if (X509_check_ca(x509.get()) == 0) {
      detail = name + " is not an authority, but issued " + quoted(path[i - 1]->subject());
    } else if (most_below >= 0 && static_cast<std::size_t>(most_below) < i - 1) {
      detail =
          name + " may have " + std::to_string(most_below) + " authorities below it, and has " + std::to_string(i - 1);
    } else if (X509_get_ext_by_NID(x509.get(), NID_name_constraints, -1) >= 0) {
      detail = name + " may issue for certain names only, which those of " + quoted(chain.sent.front().subject()) +
               " are not";
    }
    if (detail.empty()) continue;
    point_at(story, chain, static_cast<std::size_t>(path[i] - chain.sent.data()));
    story.detail = std::move(detail);
    break;
  }
  if (story.detail.empty())
    story.detail = "it leads to a trusted authority, but one certificate in it may not issue the next";
  story.remedy = "have the certificate issued by an authority that may";
}

// Follows issuers from the leaf until one is missing.
void explain_untrusted(failure& story, const judged_chain& chain) {
  const auto& leaf = chain.sent.front();
  point_at(story, chain, 0);
  if (is_self_issued(leaf)) {
    story.code = make_error_code(errc::self_signed);
    story.detail = quoted(leaf.subject()) + " vouches for itself; " + trusted_text(chain);
    story.remedy = "trust it by name if it is the one you expect, or use a certificate of an authority";
    return;
  }
  const auto* last = &leaf;
  std::vector<const certificate*> path;
  for (std::size_t steps = 0; steps < chain.sent.size(); ++steps) {
    path.push_back(last);
    if (const auto* anchor = find_by_subject(chain.anchors, last->issuer())) {
      if (has_signed(*anchor, *last)) return explain_overreach(story, chain, path);
      story.detail = "an authority named " + quoted(last->issuer()) + " is trusted, but it did not sign " +
                     quoted(last->subject());
      story.remedy = "compare the authority's key: it may have been replaced";
      return;
    }
    const auto* issuer = find_by_subject(chain.sent, last->issuer());
    if (issuer == nullptr || issuer == last) break;
    last = issuer;
  }
  if (is_self_issued(*last)) {
    story.detail =
        "the chain ends at the authority " + quoted(last->subject()) + ", which is not trusted; " + trusted_text(chain);
    story.remedy = "add that authority to the trust, if you know it";
    return;
  }
  story.detail = quoted(last->subject()) + " was issued by " + quoted(last->issuer()) +
                 ", which is neither sent nor trusted; " + trusted_text(chain);
  const auto& urls = last->issuer_urls();
  story.remedy = "have the peer send its intermediate certificates" +
                 (urls.empty() ? std::string() : " (this one is at " + urls.front() + ")") + ", or trust the issuer";
}

void explain_dates(failure& story, const judged_chain& chain, bool is_expired) {
  for (std::size_t i = 0; i < chain.sent.size(); ++i) {
    const auto& c = chain.sent[i];
    const bool is_bad = is_expired ? c.not_after() < chain.now : c.not_before() > chain.now;
    if (!is_bad) continue;
    point_at(story, chain, i);
    const auto edge = is_expired ? c.not_after() : c.not_before();
    const auto distance =
        std::chrono::duration_cast<std::chrono::seconds>(is_expired ? chain.now - edge : edge - chain.now);
    story.detail = quoted(c.subject()) + (is_expired ? " expired " : " becomes valid in ") + length_text(distance) +
                   (is_expired ? " ago (" : " (") + date_text(edge) + ")";
    return;
  }
}

}  // namespace

std::string store_text(std::size_t anchors, std::string_view store) {
  const auto these = anchors == 1 ? std::string("trusted is the one certificate of ")
                                  : "trusted are the " + std::to_string(anchors) + " certificates of ";
  return these + std::string(store);
}

std::string date_text(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
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

// Served as the end's own certificate, and an authority's.
void explain_purpose(failure& story, const judged_chain& chain) {
  const auto x509 = parse(chain.sent.front());
  if (!x509 || X509_check_ca(x509.get()) == 0) return;
  const auto is_own_issuer = std::ranges::any_of(
      chain.sent.subspan(1), [&](const certificate& c) { return has_signed(chain.sent.front(), c); });
  story.detail = quoted(chain.sent.front().subject()) + " is an authority's";
  story.remedy = is_own_issuer ? "send the server's own certificate first, then those of its issuers, in order"
                               : "have it issue a certificate for this name, and serve that";
}

void explain_certificate(failure& story, const judged_chain& chain) {
  if (chain.sent.empty()) return;
  switch (cause_of(story.code)) {
    case errc::untrusted: return explain_untrusted(story, chain);
    case errc::expired: return explain_dates(story, chain, true);
    case errc::not_yet_valid: return explain_dates(story, chain, false);
    case errc::chain_too_long: story.detail = std::to_string(chain.sent.size()) + " certificates were sent"; return;
    case errc::wrong_purpose: explain_purpose(story, chain); [[fallthrough]];
    case errc::weak:
    case errc::malformed:
    case errc::revoked:
      if (story.certificate.empty()) point_at(story, chain, 0);
      if (story.detail.empty())
        story.detail = quoted(chain.sent.front().subject()) + " (" + chain.sent.front().key() + ")";
      return;
    default: return;
  }
}

}  // namespace sluice::inline v0::internal
