// SPDX-License-Identifier: Apache-2.0
// Which of a token's certificates belongs to a key, and its issuers.
#include "core/x509/key_match.hpp"
#include "pkcs11/key_attributes.hpp"
#include "pkcs11/token_state.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// One that is valid now before one that is not, then the one that lasts longest. The rest makes the order a total one:
// tokens list their objects in no fixed order.
bool is_better(const certificate& a, const certificate& b) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto rank = [now](const certificate& c) {
    const bool is_valid = c.not_before() <= now && now <= c.not_after();
    return std::tuple(is_valid, c.not_after(), c.not_before(), c.sha256());
  };
  return rank(a) > rank(b);
}

bool is_self_issued(const certificate& c) { return std::ranges::equal(c.subject_der(), c.issuer_der()); }

// By names, and by signature where several have the same one. No chain is longer than what there is to make it of.
// It ends before the root, which the peer has to have anyway (RFC 8446 §4.4.2), and where no issuer is found: an
// incomplete chain is the peer's to judge, since it may have the intermediate.
std::vector<certificate> complete_chain(certificate leaf, const std::vector<certificate>& candidates) {
  std::vector<certificate> chain{std::move(leaf)};
  while (chain.size() <= candidates.size() && !is_self_issued(chain.back())) {
    const certificate* issuer = nullptr;
    for (const auto& one : candidates) {
      const bool issued_it = sluice::internal::is_issuer(one, chain.back());
      if (issued_it && (issuer == nullptr || is_better(one, *issuer))) issuer = &one;
    }
    if (issuer == nullptr || is_self_issued(*issuer)) break;
    chain.push_back(*issuer);
  }
  return chain;
}

bool is_of(const certificate_info& c, std::span<const std::byte> public_key) {
  const auto own = sluice::internal::normal_public_key(c.parsed.front().public_key());
  return own && std::ranges::equal(*own, public_key);
}

std::string list(std::span<const certificate_info> all, std::string_view verb) {
  constexpr std::size_t most = 16;
  std::vector<std::string> uris;
  for (const auto& one : all) uris.push_back(one.uri);
  std::ranges::sort(uris);
  std::string text;
  for (std::size_t i = 0; i < std::min(uris.size(), most); ++i)
    text += (i == 0 ? std::string(verb) + " " : std::string(", ")) + uris[i];
  if (uris.size() > most) text += " and " + std::to_string(uris.size() - most) + " more";
  return text;
}

}  // namespace

result<chosen_certificate> token::choose_certificate(const uri& wanted, std::span<const std::byte> public_key,
                                                     std::span<const certificate> others) const {
  if (wanted.type && *wanted.type != "cert")
    return make_failure(errc::bad_uri, wanted.to_string(), "type=" + *wanted.type + " is no certificate",
                        "leave the type out, or write type=cert");
  auto there = certificates();
  if (!there) return there.error();
  std::vector<certificate_info> meant;
  for (const auto& c : *there) {
    // One certificate that is stored twice is one: twins would be reported as certificates that were passed over.
    const bool is_meant = (!wanted.object || c.label == *wanted.object) && (!wanted.id || c.id == *wanted.id);
    if (!is_meant || c.parsed.empty()) continue;
    const auto& one = c.parsed.front();
    const auto is_twin = [&one](const certificate_info& m) { return m.parsed.front().sha256() == one.sha256(); };
    if (std::ranges::none_of(meant, is_twin)) meant.push_back(c);
  }
  if (meant.empty()) {
    const auto all = list(*there, "there is");
    auto error = make_failure(errc::no_certificate, wanted.to_string(), all.empty() ? "the token holds none" : all,
                              id_remedy(wanted.id, "put the certificate into the token, or give it in a file"));
    error.token = state_->info.label;
    return error;
  }
  const auto is_other = [&](const certificate_info& c) { return !is_of(c, public_key); };
  // Where none is of the key, the best of them says in the next step what is wrong.
  if (!public_key.empty() && !std::ranges::all_of(meant, is_other)) std::erase_if(meant, is_other);
  const auto& first = meant.front().parsed.front();
  const auto differs = [&first](const certificate_info& c) {
    return !std::ranges::equal(c.parsed.front().public_key(), first.public_key());
  };
  if (public_key.empty() && std::ranges::any_of(meant, differs)) {
    auto error = make_failure(errc::key_ambiguous, wanted.to_string(),
                              "certificates of different keys fit: " + list(meant, "there is"),
                              "name the certificate's id as well as its label");
    error.token = state_->info.label;
    return error;
  }
  std::ranges::sort(meant, [](const auto& a, const auto& b) { return is_better(a.parsed.front(), b.parsed.front()); });
  std::vector<certificate> candidates(others.begin(), others.end());
  for (const auto& c : *there) candidates.insert(candidates.end(), c.parsed.begin(), c.parsed.end());
  chosen_certificate made;
  made.uri = meant.front().uri;
  made.chain = complete_chain(meant.front().parsed.front(), candidates);
  meant.erase(meant.begin());
  made.passed_over = std::move(meant);
  return made;
}

result<std::vector<certificate>> token::chain(const uri& wanted, std::span<const certificate> others) const {
  auto made = choose_certificate(wanted, {}, others);
  if (!made) return made.error();
  return std::move(made->chain);
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
