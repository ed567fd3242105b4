// SPDX-License-Identifier: Apache-2.0
#include "client/chain.hpp"

#include "terminal/dates.hpp"

#include "sluice/printable.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

std::string name_of(const std::string& subject) { return subject.empty() ? "(no subject)" : subject; }

// A name that is no host begins with its kind: "URI:spiffe://a/b".
std::string name_of(const alternative_name& name) {
  using kind = alternative_name::kind;
  return (name.type == kind::uri ? "URI:" : name.type == kind::email ? "email:" : "") + name.value;
}

std::string names_of(const certificate& one) {
  constexpr std::size_t most = 4;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, one.names().size()); ++i) {
    text += (i > 0 ? ", " : "") + name_of(one.names()[i]);
  }
  return one.names().size() > most ? fmt::format("{} and {} more", text, one.names().size() - most) : text;
}

std::string facts_of(const certificate& one, std::chrono::sys_seconds now) {
  const auto until = one.has_no_end() ? std::string("no end") : local_date(one.valid_until());
  const auto days = fmt::format("{}, {} to {}", one.key(), local_date(one.valid_from()), until);
  const auto left = one.valid_until() - now;
  if (left <= seconds(0)) return fmt::format("{}, expired {} ago", days, in_words(-left));
  if (one.valid_from() > now) return fmt::format("{}, valid in {}", days, in_words(one.valid_from() - now));
  return one.has_no_end() ? days : fmt::format("{}, {} left", days, in_words(left));
}

// The leaf, then each one's issuer, as far as they were sent. Names alone decide: nothing here is a verdict.
std::vector<std::size_t> path_through(const std::vector<certificate>& chain) {
  std::vector<std::size_t> path = {0};
  while (path.size() < chain.size()) {
    const auto& last = chain[path.back()];
    const auto is_next = [&](const certificate& c) { return c.subject() == last.issuer(); };
    const auto found = std::ranges::find_if(chain, is_next);
    const auto index = static_cast<std::size_t>(found - chain.begin());
    if (found == chain.end() || std::ranges::find(path, index) != path.end()) break;
    path.push_back(index);
  }
  return path;
}

bool is_about_certificates(const connection_report& r) { return r.error && r.error->category() == "certificate"; }

// Where in the path the verdict belongs.
std::size_t place_of(const connection_report& r, const std::vector<std::size_t>& path) {
  const auto cause = cause_of(r.error->code);
  if (cause == errc::untrusted && r.error->depth <= 0) return path.size() - 1;
  const auto is_it = [&](std::size_t i) { return r.chain[i].subject() == r.error->certificate; };
  const auto found = r.error->certificate.empty() ? path.end() : std::ranges::find_if(path, is_it);
  return found != path.end() ? static_cast<std::size_t>(found - path.begin()) : 0;
}

std::string problem_of(const connection_report& r) {
  switch (cause_of(r.error->code)) {
    case errc::name_mismatch: return "it is not for " + r.server_name;
    case errc::self_signed: return "it vouches for itself, and is not trusted";
    case errc::untrusted: return "it is not trusted";
    case errc::expired: return "it has expired";
    case errc::not_yet_valid: return "it is not valid yet";
    default: return r.error->code.message();
  }
}

// An issuer that was not sent; if it is not trusted either, that is the problem.
chain_node missing_issuer(const certificate& of, bool is_wanted, const connection_report& r) {
  chain_node made;
  made.name = name_of(of.issuer());
  made.about = "not sent";
  if (is_about_certificates(r) && r.error->certificate == of.issuer()) made.problems.push_back(problem_of(r));
  if (!is_wanted) return made;
  made.problems.push_back("it is missing: neither sent nor trusted");
  for (const auto& url : of.issuer_urls()) made.problems.push_back("it can be had at " + url);
  return made;
}

}  // namespace

chain_tree make_chain_tree(const connection_report& r) {
  chain_tree made;
  if (r.chain.empty()) return made;
  const auto now = std::chrono::floor<seconds>(system_clock::now());
  const auto path = path_through(r.chain);
  for (const auto index : path) {
    const auto& one = r.chain[index];
    chain_node node;
    node.name = name_of(one.subject());
    if (const auto names = names_of(one); !names.empty()) node.about = "for " + names;
    if (one.subject() == one.issuer()) node.about += node.about.empty() ? "its own issuer" : "; its own issuer";
    if (r.is_chain_verified && index + 1 == r.chain.size()) node.about = "trusted here";
    node.facts = facts_of(one, now);
    made.nodes.push_back(std::move(node));
  }
  for (std::size_t i = 0; i < r.chain.size(); ++i) {
    if (std::ranges::find(path, i) == path.end()) made.strays.push_back(name_of(r.chain[i].subject()));
  }
  const auto& last = r.chain[path.back()];
  const bool is_open = !r.is_chain_verified && last.subject() != last.issuer();
  const auto cause = is_about_certificates(r) ? cause_of(r.error->code) : errc::internal;
  // A trusted issuer of that name that did not sign it, or may not: the certificate is the problem, nothing is missing.
  const bool is_missing =
      is_open && cause == errc::untrusted && r.error->detail.find("neither sent nor trusted") != std::string::npos;
  // The local anchor may be at fault, and has its node below.
  const bool is_anchors = is_open && is_about_certificates(r) && r.error->certificate == last.issuer();
  if (is_about_certificates(r) && !is_missing && !is_anchors)
    made.nodes[place_of(r, path)].problems.push_back(problem_of(r));
  if (is_open) made.nodes.push_back(missing_issuer(last, is_missing, r));
  return made;
}

void print_chain(const connection_report& r, const screen& to) {
  const auto tree = make_chain_tree(r);
  if (tree.nodes.empty()) return;
  const std::string_view branch = to.has_symbols() ? "└─ " : "`- ";
  const std::string_view trunk = to.has_symbols() ? "│ " : "| ";
  const auto fitted = [&](std::size_t taken, const std::string& text) {
    return fit(printable(text), to.width() > taken + 20 ? to.width() - taken : 20, to.has_symbols());
  };
  to.line("  " + to.paint(tone::quiet, r.is_chain_verified ? "chain" : "chain, as it was sent"));
  for (std::size_t i = 0; i < tree.nodes.size(); ++i) {
    const auto& node = tree.nodes[i];
    const std::string indent(i == 0 ? 4 : 4 + 3 * (i - 1), ' ');
    const auto edge = indent + (i == 0 ? std::string() : std::string(branch));
    const auto mark = node.problems.empty() ? std::string() : std::string(to.cross()) + " ";
    const auto head = node.name + (node.about.empty() ? "" : ", " + node.about);
    const auto text = fitted(columns(edge) + columns(mark), head);
    to.line(edge + to.paint(tone::bad, mark) + (node.problems.empty() ? text : to.paint(tone::bad, text)));
    const bool has_issuer = i + 1 < tree.nodes.size();
    const auto below = std::string(i == 0 ? 4 : 4 + 3 * i, ' ') + (has_issuer ? std::string(trunk) : "");
    if (!node.facts.empty()) to.line(below + fitted(columns(below), node.facts));
    for (const auto& problem : node.problems) to.line(below + to.paint(tone::bad, fitted(columns(below), problem)));
  }
  for (const auto& name : tree.strays) {
    to.line("    " + to.paint(tone::warning, fitted(4, "also sent, and of no use: " + name)));
  }
}

}  // namespace sluice::tool
