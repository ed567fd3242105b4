// SPDX-License-Identifier: Apache-2.0
#include "verbs/policy/describe.hpp"

#include "terminal/failure.hpp"
#include "verbs/policy/difference.hpp"
#include "verbs/policy/lookup.hpp"
#include "terminal/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

json::array texts(const std::vector<std::string>& all) { return json::array(all.begin(), all.end()); }

json::object describe_trial(const trial& one) {
  const auto agreed = [&one](const std::string& text) {
    return one.can_talk() ? text_or_null(text) : json::value(nullptr);
  };
  const auto info = one.info.value_or(connection_info());
  return {{"name", one.policy},
          {"ok", one.can_talk()},
          {"version", agreed(info.version)},
          {"cipher", agreed(info.cipher)},
          {"group", agreed(info.group)},
          {"trusted", one.can_talk() ? json::value(!one.distrust) : json::value(nullptr)},
          {"error", describe(one.can_talk() ? one.distrust : one.error)}};
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& one : all) text += (text.empty() ? "" : ", ") + one;
  return text;
}

std::string short_reason(const failure& error) {
  return error.code.message() + (error.detail.empty() ? "" : ": " + error.detail);
}

// The verdicts on the certificate when everything is done: the same for all, or not.
void add_trust(table& facts, const trials& found) {
  std::size_t trusted = 0, doubted = 0;
  std::optional<failure> first;
  for (const auto& one : found.all) {
    if (!one.can_talk()) continue;
    ++(one.distrust ? doubted : trusted);
    if (one.distrust && !first) first = one.distrust;
  }
  if (!first) {
    if (trusted > 0) facts.add({{"trust", tone::quiet}, "the certificate is trusted"});
    return;
  }
  const auto whom = trusted == 0 ? std::string("the certificate is refused")
                                 : fmt::format("the certificate is refused by {} of {}", doubted, doubted + trusted);
  facts.add({{"trust", tone::quiet}, {fmt::format("{}: {}", whom, short_reason(*first)), tone::warning}});
}

void add_list(table& facts, const std::string& name, const std::vector<std::string>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) facts.add({{i == 0 ? name : "", tone::quiet}, values[i]});
}

}  // namespace

json::object describe_policies(const std::vector<policy>& known, const std::vector<std::string>& deprecated) {
  json::array all;
  for (const auto& one : known) {
    all.push_back({{"name", one.name},
                   {"min", to_string(one.min)},
                   {"max", to_string(one.max)},
                   {"pq", one.post_quantum},
                   {"deprecated", false}});
  }
  for (const auto& name : deprecated) {
    all.push_back({{"name", name}, {"min", nullptr}, {"max", nullptr}, {"pq", nullptr}, {"deprecated", true}});
  }
  return {{"policies", std::move(all)}};
}

json::object describe(const policy& one) {
  return {{"name", one.name},
          {"versions", texts(versions_of(one))},
          {"suites", texts(one.suites)},
          {"groups", texts(one.groups)},
          {"signatures", texts(one.signatures)}};
}

json::object describe_difference(const policy& a, const policy& b) {
  json::object made{{"a", a.name}, {"b", b.name}, {"same", a.fingerprint == b.fingerprint}};
  for (const auto& one : compare(a, b)) {
    made[one.name] =
        json::object{{"only_a", texts(one.only_a)}, {"only_b", texts(one.only_b)}, {"reordered", one.is_reordered}};
  }
  return made;
}

json::object describe(const trial_settings& settings, const trials& found, const std::optional<failure>& error) {
  const bool was_reached = found.address.port() != 0;
  json::array all;
  for (const auto& one : found.all) all.emplace_back(describe_trial(one));
  return {{"peer",
           {{"address", was_reached ? json::value(to_text(found.address)) : json::value(nullptr)},
            {"server_name", settings.server_name}}},
          {"ok", std::ranges::any_of(found.all, &trial::can_talk)},
          {"policies", std::move(all)},
          {"error", describe(error)}};
}

void print_policies(const screen& to, const std::vector<policy>& known, const std::vector<std::string>& deprecated) {
  table shown({{"policy"}, {"least"}, {"greatest"}, {"post-quantum"}, {"used for"}});
  for (const auto& one : known) {
    shown.add({{one.name, tone::strong},
               std::string(to_string(one.min)),
               std::string(to_string(one.max)),
               one.post_quantum ? cell("yes", tone::good) : cell("no"),
               {joined(uses_of(one)), tone::quiet}});
  }
  for (const auto& name : deprecated) {
    shown.add({{name, tone::quiet}, "", "", "", {"deprecated: s2n refuses it", tone::warning}});
  }
  shown.print(to, 0);
  to.line(to.paint(tone::quiet, "not listed: null and test_…, the engine's own, which nothing can use"));
}

void print_policy(const screen& to, const policy& one) {
  to.line(to.paint(tone::strong, one.name));
  table facts({{""}, {""}});
  add_list(facts, "versions", versions_of(one));
  add_list(facts, "suites", one.suites);
  add_list(facts, "groups", one.groups);
  add_list(facts, "signatures", one.signatures);
  add_list(facts, "certificates",
           one.certificate_signatures.empty() ? std::vector<std::string>{"signed with any of these signatures"}
                                              : one.certificate_signatures);
  if (const auto uses = uses_of(one); !uses.empty()) add_list(facts, "used for", uses);
  if (const auto names = aliases_of(one); !names.empty()) add_list(facts, "also called", names);
  facts.print(to);
}

void print_difference(const screen& to, const policy& a, const policy& b) {
  if (a.fingerprint == b.fingerprint) {
    return to.line(
        fmt::format("{} and {} are the same", to.paint(tone::strong, a.name), to.paint(tone::strong, b.name)));
  }
  table shown({{""}, {a.name + " alone"}, {b.name + " alone"}});
  for (const auto& one : compare(a, b)) {
    auto name = std::string(one.name);
    std::ranges::replace(name, '_', ' ');
    const auto rows = std::max(one.only_a.size(), one.only_b.size());
    const auto at = [](const std::vector<std::string>& in, std::size_t i) { return i < in.size() ? in[i] : ""; };
    for (std::size_t i = 0; i < rows; ++i)
      shown.add({{i == 0 ? name : "", tone::quiet}, at(one.only_a, i), at(one.only_b, i)});
    if (one.is_reordered) {
      shown.add({{rows == 0 ? name : "", tone::quiet}, {"what both have is in another order", tone::warning}, ""});
    }
  }
  shown.print(to, 0);
}

void print_trials(const screen& to, const trial_settings& settings, const trials& found) {
  const auto talking = std::ranges::count_if(found.all, &trial::can_talk);
  to.line(fmt::format("{} {}: {} of {} policies can talk to it", to.verdict(talking > 0), settings.to.text(), talking,
                      found.all.size()));
  table facts({{""}, {""}});
  facts.add({{"address", tone::quiet}, to_text(found.address)});
  add_trust(facts, found);
  facts.print(to);
  to.line();
  table shown({{""}, {"policy"}, {"version"}, {"cipher"}, {"group"}});
  table refused({{""}, {"policy"}, {"what happened"}});
  for (const auto& one : found.all) {
    if (one.can_talk()) {
      const auto group = one.info->group.empty() ? std::string("none") : one.info->group;
      shown.add({{to.tick(), tone::good}, one.policy, one.info->version, one.info->cipher, group});
    } else {
      refused.add({{to.cross(), tone::bad}, one.policy, short_reason(*one.error)});
    }
  }
  if (talking > 0) shown.print(to, 0);
  if (talking > 0 && static_cast<std::size_t>(talking) < found.all.size()) to.line();
  if (static_cast<std::size_t>(talking) < found.all.size()) refused.print(to, 0);
}

}  // namespace sluice::tool
