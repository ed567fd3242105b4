// SPDX-License-Identifier: Apache-2.0
// Several anchors of one name, of which one signed: as when an authority gets a new key. AWS-LC takes the first whose
// name and key identifier fit, and looks at no other when its signature does not (RFC 5280 leaves the choice open).
// So the others are left out, for this connection alone, between the Certificate message and its verification.
#include "core/connection_impl.hpp"
#include "core/x509/certificate_words.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace {

// How many signatures a peer can make us look at.
constexpr int max_looks = 32;

bool are_namesakes(const certificate& a, const certificate& b) {
  return std::ranges::equal(a.subject_der(), b.subject_der()) && !std::ranges::equal(a.public_key(), b.public_key());
}

// Those of its issuer's name that did not sign it; none if none of them did.
std::vector<const certificate*> impostors(const certificate& of, std::span<const certificate> anchors, int& looks) {
  std::vector<const certificate*> named, others;
  for (const auto& one : anchors) {
    if (std::ranges::equal(one.subject_der(), of.issuer_der())) named.push_back(&one);
  }
  if (named.size() < 2) return {};
  for (const auto* one : named) {
    if (looks-- > 0 && !internal::has_signed(*one, of)) others.push_back(one);
  }
  return others.size() < named.size() ? others : std::vector<const certificate*>();
}

}  // namespace

namespace internal {

bool has_namesakes(const trust& store) {
  std::vector<const certificate*> all;
  for (const auto& one : store.anchors()) all.push_back(&one);
  const auto by_name = [](const certificate* a, const certificate* b) {
    return std::ranges::lexicographical_compare(a->subject_der(), b->subject_der());
  };
  std::ranges::sort(all, by_name);
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    // Of one name, two that differ stand side by side somewhere.
    if (are_namesakes(*all[i], *all[i + 1])) return true;
  }
  return false;
}

}  // namespace internal

internal::engine_configuration connection::impl::configuration() {
  owns_engine = shared().has_namesakes;
  if (!owns_engine) return shared().engine.current(shared());
  auto made = internal::make_configuration(shared());
  return made ? std::move(made->engine) : nullptr;
}

void connection::impl::choose_anchors() {
  if (!owns_engine) return;
  const auto& anchors = shared().trust->anchors();
  std::vector<const certificate*> left_out;
  int looks = max_looks;
  for (const auto& one : unverified_certificates()) {
    for (const auto* other : impostors(one, anchors, looks)) left_out.push_back(other);
  }
  if (left_out.empty()) return;
  // Fails closed: a store that lacks an anchor trusts less.
  s2n_config_wipe_trust_store(engine->config.get());
  for (const auto& one : anchors) {
    if (std::ranges::find(left_out, &one) == left_out.end())
      s2n_config_add_pem_to_trust_store(engine->config.get(), one.to_pem().c_str());
  }
}

}  // namespace v0
}  // namespace sluice
