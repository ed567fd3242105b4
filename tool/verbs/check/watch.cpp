// SPDX-License-Identifier: Apache-2.0
#include "verbs/check/watch.hpp"

#include "terminal/dates.hpp"

#include <algorithm>
#include <chrono>

namespace sluice::tool {
namespace {

constexpr auto soon = std::chrono::hours(24 * 14);

std::string verdict_of(const connection_report& r) { return r.error ? code_name(r.error->code) : "good"; }

std::string value_in(const std::vector<watched_fact>& facts, const std::string& name) {
  const auto found = std::ranges::find(facts, name, &watched_fact::name);
  return found != facts.end() ? found->value : "none";
}

std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

}  // namespace

std::vector<watched_fact> watched_facts(const connection_report& r) {
  std::vector<watched_fact> made = {{"verdict", verdict_of(r)}};
  if (r.info) {
    made.push_back({"version", r.info->version});
    made.push_back({"cipher", r.info->cipher});
    made.push_back({"group", or_none(r.info->group)});
    made.push_back({"signature", or_none(r.info->signature)});
    made.push_back({"ALPN", or_none(r.info->alpn)});
    made.push_back({"OCSP", std::string(r.ocsp())});
    made.push_back({"client certificate", r.seen.request ? "asked for" : "not asked for"});
  }
  if (r.chain.empty()) return made;
  const auto& leaf = r.chain.front();
  made.push_back({"certificate", leaf.sha256()});
  made.push_back({"issuer", or_none(leaf.issuer())});
  made.push_back({"ends soon", left_of(leaf) < soon ? "yes" : "no"});
  return made;
}

std::vector<watched_change> changes_between(const std::vector<watched_fact>& before,
                                            const std::vector<watched_fact>& after) {
  std::vector<watched_change> made;
  const auto note = [&](const std::string& name) {
    auto was = value_in(before, name);
    auto is = value_in(after, name);
    if (was != is) made.push_back({name, std::move(was), std::move(is)});
  };
  for (const auto& one : after) note(one.name);
  for (const auto& one : before)
    if (std::ranges::find(after, one.name, &watched_fact::name) == after.end()) note(one.name);
  return made;
}

}  // namespace sluice::tool
