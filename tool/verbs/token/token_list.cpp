// SPDX-License-Identifier: Apache-2.0
// `sluice token list` and `sluice token show`: what is there.
#include "terminal/failure.hpp"
#include "terminal/table.hpp"
#include "terminal/answer.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/present.hpp"
#include "verbs/token/token.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

namespace sluice::tool {
namespace {

struct look_options {
  token_place place;
  bool json = false;
};

struct seen_token {
  present_token token;
  bool is_logged_in = false;
  std::vector<pkcs11::key_info> keys;
  std::vector<pkcs11::certificate_info> certificates;
};

// A PIN is for one token: with several to choose from it is not tried on any of them.
seen_token look_at(const present_token& one, bool may_log_in) {
  seen_token seen{.token = one};
  if (!one.is_usable) return seen;
  const auto opened = may_log_in ? one.place.open() : one.place.open_without_pin();
  seen.is_logged_in = opened.is_logged_in();
  seen.keys = opened.keys().value();
  seen.certificates = opened.certificates().value();
  return seen;
}

bool needs_login(const seen_token& t) {
  return !t.is_logged_in && std::ranges::count(t.token.info.flags, "login-required") > 0 && t.token.is_usable;
}

json::object describe_briefly(const seen_token& t) {
  json::array keys;
  for (const auto& k : t.keys)
    keys.push_back({{"uri", t.token.place.ready(k.uri)}, {"type", k.type}, {"sign", k.can_sign}});
  return {
      {"uri", t.token.place.ready(t.token.info.uri)}, {"label", t.token.info.label}, {"serial", t.token.info.serial},
      {"flags", describe(t.token.info.flags)},        {"logged_in", t.is_logged_in}, {"keys", std::move(keys)}};
}

json::object describe_fully(const seen_token& t) {
  const auto& info = t.token.info;
  const auto& module = t.token.module;
  json::array keys, certificates;
  for (const auto& k : t.keys) keys.emplace_back(describe(k, t.token.place));
  for (const auto& c : t.certificates) certificates.emplace_back(describe(c, t.token.place));
  return {{"uri", t.token.place.ready(info.uri)},
          {"label", info.label},
          {"serial", info.serial},
          {"manufacturer", info.manufacturer},
          {"model", info.model},
          {"slot", info.slot_id},
          {"module",
           {{"path", module.path},
            {"manufacturer", module.manufacturer},
            {"description", module.description},
            {"version", fmt::format("{}.{}", module.library_major, module.library_minor)},
            {"cryptoki", fmt::format("{}.{}", module.cryptoki_major, module.cryptoki_minor)}}},
          {"flags", describe(info.flags)},
          {"logged_in", t.is_logged_in},
          {"session_limit", info.max_sessions == 0 ? json::value(nullptr) : json::value(info.max_sessions)},
          {"mechanisms", describe(info.mechanisms)},
          {"keys", std::move(keys)},
          {"certificates", std::move(certificates)}};
}

std::string attributes_of(const pkcs11::key_info& k) {
  std::vector<std::string_view> words;
  words.push_back(k.can_sign ? "signs" : "does not sign");
  if (k.can_decrypt) words.push_back("decrypts");
  words.push_back(k.is_local ? "generated on the token" : "not marked as generated on the token");
  words.push_back(k.is_sensitive ? "sensitive" : "not sensitive");
  words.push_back(k.is_extractable ? "extractable" : "not extractable");
  if (k.always_authenticate) words.push_back("asks for its PIN each time");
  return fmt::format("{}", fmt::join(words, ", "));
}

void print_brief(const screen& out, const seen_token& t) {
  out.line(out.paint(tone::strong, t.token.place.ready(t.token.info.uri)));
  if (!t.token.is_usable) return out.line("  not initialised");
  if (needs_login(t))
    out.line(
        out.paint(tone::quiet, "  not logged in: private keys are not shown; name this token and give --pin-file"));
  for (const auto& k : t.keys)
    out.line(fmt::format("  {}  {}{}", t.token.place.ready(k.uri), k.type, k.can_sign ? "" : "  (does not sign)"));
}

void print_fully(const screen& out, const seen_token& t) {
  const auto& info = t.token.info;
  const auto& m = t.token.module;
  print_brief(out, {.token = t.token, .is_logged_in = t.is_logged_in, .keys = {}, .certificates = {}});
  table facts({{""}, {""}});
  const auto add = [&facts](const char* name, const std::string& text) { facts.add({{name, tone::quiet}, text}); };
  add("module", fmt::format("{}, {} {}.{}, PKCS#11 {}.{}", m.path, m.description, m.library_major, m.library_minor,
                            m.cryptoki_major, m.cryptoki_minor));
  add("token", fmt::format("{}, {}, serial {}, slot {}", info.manufacturer, info.model, info.serial, info.slot_id));
  add("flags", fmt::format("{}", fmt::join(info.flags, " ")));
  add("sessions", info.max_sessions == 0 ? "no limit known" : fmt::format("at most {}", info.max_sessions));
  add("mechanisms", fmt::format("{}", fmt::join(info.mechanisms, " ")));
  for (const auto& k : t.keys) {
    add("key", t.token.place.ready(k.uri));
    add("", k.type + ": " + attributes_of(k));
  }
  for (const auto& c : t.certificates) {
    add("certificate", t.token.place.ready(c.uri));
    add("", c.parsed.empty() ? "cannot be parsed"
                             : fmt::format("{}, issued by {}", c.parsed.front().subject(), c.parsed.front().issuer()));
  }
  facts.print(out);
}

int list(const look_options& options) {
  const auto present = present_tokens(options.place);
  const auto usable = std::ranges::count_if(present, [](const present_token& t) { return t.is_usable; });
  std::vector<seen_token> seen;
  seen.reserve(present.size());
  for (const auto& one : present) seen.push_back(look_at(one, usable == 1));
  const screen out(stdout);
  if (options.json) {
    json::array all;
    for (const auto& t : seen) all.emplace_back(describe_briefly(t));
    out.line(to_text(json::object{{"tokens", std::move(all)}}));
  } else {
    for (const auto& t : seen) print_brief(out, t);
  }
  return exit_ok;
}

// Only the objects that the URI means.
void narrow(seen_token& t, const pkcs11::uri& wanted) {
  if (!wanted.object && !wanted.id && !wanted.type) return;
  const auto is_other = [&wanted](const auto& one) {
    return (wanted.object && one.label != *wanted.object) || (wanted.id && one.id != *wanted.id);
  };
  std::string there;
  constexpr std::size_t most = 16;
  for (std::size_t i = 0; i < std::min(t.keys.size(), most); ++i)
    there += (i == 0 ? "there is " : ", ") + t.keys[i].uri;
  if (t.keys.size() > most) there += fmt::format(" and {} more", t.keys.size() - most);
  const auto is_of = [&wanted](std::string_view type) { return !wanted.type || *wanted.type == type; };
  if (!is_of("private")) t.keys.clear();
  if (!is_of("cert")) t.certificates.clear();
  std::erase_if(t.keys, is_other);
  std::erase_if(t.certificates, is_other);
  if (!t.keys.empty() || !t.certificates.empty()) return;
  std::string remedy = "correct the object, id or type in the URI";
  if (const auto meant = wanted.id ? pkcs11::id_read_as_hexadecimal(*wanted.id) : std::nullopt) {
    pkcs11::uri other;
    other.id = meant;
    remedy = "an id is written byte by byte, with a % before each; if hexadecimal was meant, write " +
             other.to_string().substr(std::string_view("pkcs11:").size());
  }
  give_up(errc::key_not_found, wanted.to_string(), there.empty() ? "there is no private key that we can see" : there,
          needs_login(t) ? "give --pin-file: without a login private keys are not shown" : remedy);
}

int show(const look_options& options) {
  auto present = present_tokens(options.place);
  std::erase_if(present, [](const present_token& t) { return !t.is_usable; });
  if (present.empty())
    give_up(errc::token_not_found, options.place.parsed().token_string(), "there are only uninitialised tokens");
  if (present.size() > 1) {
    std::string list;
    for (const auto& t : present) list += (list.empty() ? "it could be " : ", ") + t.info.uri;
    give_up(errc::token_ambiguous, options.place.parsed().token_string(), list,
            "name the token's serial number as well");
  }
  auto seen = look_at(present.front(), true);
  narrow(seen, options.place.parsed());
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(describe_fully(seen)));
  } else {
    print_fully(out, seen);
  }
  return exit_ok;
}

std::shared_ptr<look_options> declare(declaration& app, bool needs_uri) {
  auto options = std::make_shared<look_options>();
  options->place.declare(app, needs_uri);
  app.add_flag("--json", options->json, "Print JSON");
  return options;
}

}  // namespace

action declare_token_list(declaration& app) {
  return [options = declare(app, false)] { return answer(options->json, [&] { return list(*options); }); };
}

action declare_token_show(declaration& app) {
  return [options = declare(app, true)] { return answer(options->json, [&] { return show(*options); }); };
}

}  // namespace sluice::tool
