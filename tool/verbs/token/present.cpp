// SPDX-License-Identifier: Apache-2.0
#include "verbs/token/present.hpp"

#include "terminal/failure.hpp"
#include "terminal/output.hpp"

#include <fmt/format.h>

namespace sluice::tool {
namespace {

struct search {
  std::vector<present_token> found;
  std::string tried;  // modules, and what they answered
  std::string others;

  void look_into(const std::string& name, const pkcs11::module& m, const token_place& place,
                 const pkcs11::uri& wanted) {
    tried += (tried.empty() ? "" : ", ") + m.info().path;
    const auto tokens = m.tokens();
    if (!tokens) {
      tried += " (" + code_name(tokens.error().code) + ")";
      return;
    }
    for (const auto& info : *tokens) {
      if (!pkcs11::fits(wanted, m.info(), info)) {
        if (info.is_initialized) others += (others.empty() ? "" : ", ") + info.uri;
        continue;
      }
      token_place own{
          .text = info.uri, .module = name, .pin_file = place.pin_file, .module_parameters = place.module_parameters};
      auto u = pkcs11::uri::parse(info.uri).value();
      u.pin_source = wanted.pin_source;
      own.text = u.to_string();
      const bool is_usable = info.is_initialized || pkcs11::names_a_token(wanted);
      found.push_back({.info = info, .module = m.info(), .place = std::move(own), .is_usable = is_usable});
    }
  }
};

}  // namespace

std::vector<present_token> present_tokens(const token_place& place) {
  const auto wanted = place.parsed();
  search s;
  const bool has_module = !place.module.empty() || !wanted.module_path.empty() || !wanted.module_name.empty();
  if (has_module) {
    const auto name = !place.module.empty()         ? place.module
                      : !wanted.module_path.empty() ? wanted.module_path
                                                    : wanted.module_name;
    s.look_into(name, pkcs11::module::load(place.module_path(), place.module_options()).value(), place, wanted);
  } else {
    for (const auto& name : pkcs11::module::registered()) {
      const auto path = pkcs11::module::find(name);
      keep_output_from_modules();
      const auto m = path ? pkcs11::module::load(*path) : result<pkcs11::module>(path.error());
      if (m) {
        s.look_into(name, *m, place, wanted);
      } else {
        s.tried += fmt::format("{}{} ({})", s.tried.empty() ? "" : ", ", name, code_name(m.error().code));
      }
    }
  }
  if (!s.found.empty()) return s.found;
  auto detail = s.tried.empty() ? "no module is registered with p11-kit" : "tried " + s.tried;
  if (!s.others.empty()) detail += "; there is " + s.others;
  give_up(errc::token_not_found, wanted.token_string(), detail,
          has_module ? "check the URI, and that the token is plugged in" : "name the module with --module");
}

}  // namespace sluice::tool
