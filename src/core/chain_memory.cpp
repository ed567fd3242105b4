// SPDX-License-Identifier: Apache-2.0
#include "core/chain_memory.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

bool is_same(der_view kept, std::span<const der_view> chain) noexcept {
  for (const auto& piece : chain) {
    if (kept.size() < piece.size() || std::memcmp(kept.data(), piece.data(), piece.size()) != 0) return false;
    kept = kept.subspan(piece.size());
  }
  return kept.empty();
}

bool is_about(const chain_memory::entry& one, const chain_memory::subject& about) noexcept {
  return one.number != 0 && one.server == about.server && one.is_ip == about.is_ip && one.signs == about.signs &&
         is_same(one.chain, about.chain);
}

bool are_about_the_same(const chain_memory::entry& a, const chain_memory::entry& b) noexcept {
  const der_view chain = b.chain;
  return is_about(a, {.server = b.server, .is_ip = b.is_ip, .signs = b.signs, .chain = {&chain, 1}});
}

// Whose share they count in.
bool have_one_owner(const chain_memory::entry& a, const chain_memory::entry& b) noexcept {
  return a.number != 0 && a.server == b.server && (!b.server.empty() || std::ranges::equal(a.leaf(), b.leaf()));
}

}  // namespace

std::size_t chain_memory::set_of(std::string_view server, der_view leaf) noexcept {
  if (!server.empty()) return std::hash<std::string_view>()(server) % sets;
  std::uint64_t end = 0;
  std::memcpy(&end, leaf.last(std::min(leaf.size(), sizeof end)).data(), std::min(leaf.size(), sizeof end));
  return end % sets;
}

std::optional<chain_memory::verdict> chain_memory::find(const subject& about, std::chrono::sys_seconds now) const {
  const std::lock_guard lock(gate_);
  if (entries_.empty()) return std::nullopt;
  const auto set = std::span(entries_).subspan(set_of(about.server, about.chain.front()) * ways, ways);
  const auto known = std::ranges::find_if(set, [&](const entry& one) { return is_about(one, about); });
  if (known == set.end() || now < known->found.from || now > known->found.until) return std::nullopt;
  return known->found;
}

std::optional<chain_memory::entry> chain_memory::make(const subject& about, const verdict& found) {
  entry made{.server = std::string(about.server), .is_ip = about.is_ip, .signs = about.signs, .found = found};
  for (const auto& piece : about.chain) {
    if (made.chain.size() + piece.size() > max_bytes) return std::nullopt;
    made.chain.insert(made.chain.end(), piece.begin(), piece.end());
  }
  made.leaf_size = about.chain.front().size();
  return made;
}

// In place of an older verdict on the same; else of the owner's oldest, where it has its share, and of the set's oldest
// otherwise.
void chain_memory::add(entry made) {
  const std::lock_guard lock(gate_);
  if (entries_.empty()) entries_.resize(sets * ways);
  const auto set = std::span(entries_).subspan(set_of(made.server, made.leaf()) * ways, ways);
  const auto is_its = [&made](const entry& one) { return have_one_owner(one, made); };
  const bool has_share = std::ranges::count_if(set, is_its) >= (made.server.empty() ? 1 : 2);
  entry* place = nullptr;
  for (auto& one : set) {
    const bool may_go = !has_share || is_its(one);
    if (may_go && (place == nullptr || one.number < place->number)) place = &one;
  }
  const auto same = std::ranges::find_if(set, [&made](const entry& one) { return are_about_the_same(one, made); });
  if (same != set.end()) place = &*same;
  made.number = ++last_;
  *place = std::move(made);
}

std::size_t chain_memory::size() const {
  const std::lock_guard lock(gate_);
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [](const entry& one) { return one.number != 0; }));
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
