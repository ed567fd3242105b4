// SPDX-License-Identifier: Apache-2.0
// Which token or key a verb is about: its URI, the module, and the way to the PIN.
#pragma once

#include "arguments/declaration.hpp"

#include "sluice/pkcs11/key.hpp"
#include "sluice/pkcs11/token.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <string>
#include <string_view>

namespace sluice::tool {

// Of --module-parameters.
inline constexpr auto module_parameters_help =
    "The argument of the module's C_Initialize (pReserved): NSS softokn's configdir='sql:DIR' …";

struct token_place {
  std::string text;    // the URI; may be empty where a verb takes any token
  std::string module;  // a path or a name
  std::string pin_file;
  std::string module_parameters;  // for C_Initialize

  void declare(declaration& app, bool needs_uri);

  // Throws for a PIN in the URI: what is on a command line, every user of the machine can read.
  pkcs11::uri parsed(std::string_view option = "URI") const;
  // --pin-file, else SLUICE_PIN where the URI has no pin-source; empty: the URI's own, if it has one.
  pkcs11::pin_source pin(const pkcs11::uri& u) const;
  std::string module_path() const;                // of --module or of the URI
  pkcs11::module_options module_options() const;  // what a module is loaded with; ask before it is
  bool has_pin() const;                           // is any given, in whatever way?

  pkcs11::token open(bool is_read_write = false) const;
  pkcs11::token open_without_pin() const;  // what is visible without login
  pkcs11::key_options wishes() const;
  // An object's URI as it can be pasted: with the module, and the PIN's place where ours has one.
  std::string ready(const std::string& object_uri) const;
};

}  // namespace sluice::tool
