// SPDX-License-Identifier: Apache-2.0
// From --cert, --key, --module and --pin-file to an identity, in files or in a token.
#include "cli/options.hpp"
#include "cli/trouble.hpp"

#include "sluice/pkcs11/key.hpp"
#include "sluice/pkcs11/token.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice::tool {
namespace {

bool is_uri(const std::string& text) { return text.starts_with("pkcs11:"); }

// What is on a command line, every user of the machine can read.
pkcs11::uri parse_uri(const std::string& text, std::string_view option) {
  auto parsed = pkcs11::uri::parse(text).value();
  if (parsed.pin_value.empty()) return parsed;
  give_up(errc::usage, std::string(option), "a PIN on the command line can be read by every user of this machine",
          "use --pin-file FILE, ?pin-source=file:PATH in the URI, or the variable SLUICE_PIN");
}

pkcs11::pin_source choose_pin(const credential_options& options, const pkcs11::uri& u) {
  if (!options.pin_file.empty()) return pkcs11::pin_from_file(options.pin_file);
  if (u.pin_source.empty() && std::getenv("SLUICE_PIN") != nullptr) return pkcs11::pin_from_environment("SLUICE_PIN");
  return {};  // the URI's, if it has one
}

std::shared_ptr<private_key> open_key(const credential_options& options, const std::string& text, std::string_view option) {
  const auto u = parse_uri(text, option);
  pkcs11::key_options wishes;
  wishes.module_path = options.module;
  wishes.pin = choose_pin(options, u);
  return pkcs11::open_key(text, wishes).value();
}

// The certificate of that label or id on the token.
std::string chain_on_token(const credential_options& options, const std::string& text) {
  const auto u = parse_uri(text, "--cert");
  pkcs11::token_options wishes;
  wishes.module_path = options.module;
  wishes.pin = choose_pin(options, u);
  const auto opened = pkcs11::token::open(text, wishes).value();
  const auto all = opened.certificates().value();
  const auto fits = [&u](const pkcs11::certificate_info& c) {
    return (!u.object || c.label == *u.object) && (!u.id || c.id == *u.id) && !c.parsed.empty();
  };
  const auto found = std::ranges::find_if(all, fits);
  if (found == all.end()) {
    give_up(errc::no_certificate, u.to_string(), "none on the token \"" + opened.info().label + "\" fits",
            "put the certificate into the token, or give it as --cert FILE");
  }
  return found->parsed.front().to_pem();
}

}  // namespace

std::optional<identity> credential_options::load() const {
  if (cert.empty()) {
    if (key.empty()) return std::nullopt;
    give_up(errc::usage, "--key", "there is no certificate to go with it", "add --cert FILE");
  }
  const auto& key_place = key.empty() ? cert : key;
  if (is_uri(cert)) {
    const auto chain = chain_on_token(*this, cert);
    if (is_uri(key_place)) return identity::from_chain(chain, open_key(*this, key_place, key.empty() ? "--cert" : "--key")).value();
    give_up(errc::usage, "--key", "the certificate is in a token and the key in a file", "give the certificate as --cert FILE");
  }
  if (is_uri(key_place)) return identity::from_chain_file(cert, open_key(*this, key_place, "--key")).value();
  return identity::from_pem_files(cert, key_place).value();
}

}  // namespace sluice::tool
