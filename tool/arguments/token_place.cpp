// SPDX-License-Identifier: Apache-2.0
#include "arguments/token_place.hpp"

#include "terminal/failure.hpp"
#include "terminal/output.hpp"

#include <cstdlib>

namespace sluice::tool {

void token_place::declare(declaration& app, bool needs_uri) {
  auto uri = app.add_option("URI", text, "pkcs11:token=LABEL;object=LABEL?module-name=NAME (RFC 7512)").type_name("");
  if (needs_uri) uri.required();
  app.add_option("--module", module, "PKCS#11 module, a path or a name such as softhsm2 (else the URI's)")
      .type_name("PATH");
  app.add_option("--pin-file", pin_file,
                 "The token's PIN, first line of a file (else the URI's pin-source, else SLUICE_PIN)")
      .type_name("FILE");
  app.add_option("--module-parameters", module_parameters, module_parameters_help).type_name("TEXT");
}

pkcs11::uri token_place::parsed(std::string_view option) const {
  auto u = pkcs11::uri::parse(text.empty() ? "pkcs11:" : text).value();
  if (u.pin_value.empty()) return u;
  give_up(errc::invalid_argument, std::string(option),
          "a PIN on the command line can be read by every user of this machine",
          "use --pin-file FILE, ?pin-source=file:PATH in the URI, or the variable SLUICE_PIN");
}

pkcs11::pin_source token_place::pin(const pkcs11::uri& u) const {
  if (!pin_file.empty()) return pkcs11::pin_from_file(pin_file);
  if (u.pin_source.empty() && std::getenv("SLUICE_PIN") != nullptr) return pkcs11::pin_from_environment("SLUICE_PIN");
  return {};
}

std::string token_place::module_path() const {
  const auto u = parsed();
  if (!module.empty()) return pkcs11::module::find(module).value();
  if (!u.module_path.empty()) return u.module_path;
  if (!u.module_name.empty()) return pkcs11::module::find(u.module_name).value();
  give_up(errc::bad_uri, u.to_string(), "it does not name the module to load",
          "add ?module-name=NAME or ?module-path=PATH, or give --module");
}

pkcs11::module_options token_place::module_options() const {
  keep_output_from_modules();
  pkcs11::module_options options;
  options.initialization = pkcs11::initialization::sole_user;  // nothing else in this process uses tokens
  options.reserved = module_parameters;
  return options;
}

bool token_place::has_pin() const {
  const auto u = parsed();
  return !u.pin_source.empty() || pin(u);
}

pkcs11::token token_place::open(bool is_read_write) const {
  const auto u = parsed();
  pkcs11::token_options options;
  options.module_path = module_path();
  options.module = module_options();
  options.pin = pin(u);
  options.is_read_write = is_read_write;
  return pkcs11::token::open(text, options).value();
}

pkcs11::token token_place::open_without_pin() const {
  pkcs11::token_options options;
  options.module_path = module_path();
  options.module = module_options();
  options.logs_in = false;
  return pkcs11::token::open(text, options).value();
}

pkcs11::key_options token_place::wishes() const {
  pkcs11::key_options options;
  options.module_path = module;
  options.module = module_options();
  options.pin = pin(parsed());
  return options;
}

std::string token_place::ready(const std::string& object_uri) const {
  auto made = pkcs11::uri::parse(object_uri).value();
  const auto ours = parsed();
  if (!module.empty()) {
    (module.find('/') == module.npos ? made.module_name : made.module_path) = module;
  } else {
    made.module_name = ours.module_name;
    made.module_path = ours.module_path;
  }
  made.pin_source = ours.pin_source;
  return made.to_string();
}

}  // namespace sluice::tool
