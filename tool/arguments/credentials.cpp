// SPDX-License-Identifier: Apache-2.0
// From --cert, --key, --password-file, --module and --pin-file to an identity, in files or in a token.
#include "arguments/options.hpp"
#include "arguments/password_place.hpp"
#include "arguments/token_place.hpp"
#include "terminal/failure.hpp"
#include "terminal/dates.hpp"
#include "terminal/screen.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

bool is_uri(const std::string& text) { return text.starts_with("pkcs11:"); }

token_place place_of(const credential_options& options, const std::string& text) {
  return {.text = text,
          .module = options.module,
          .pin_file = options.pin_file,
          .module_parameters = options.module_parameters};
}

// One URI for certificate and key, as it is pasted from `token show`, names the type of one of them.
std::string without_type(const std::string& text, std::string_view option) {
  auto u = token_place{.text = text, .module = {}, .pin_file = {}, .module_parameters = {}}.parsed(option);
  u.type.reset();
  return u.to_string();
}

std::shared_ptr<private_key> open_key(const credential_options& options, const std::string& text,
                                      std::string_view option) {
  const auto place = place_of(options, text);
  place.parsed(option);
  auto wishes = place.wishes();
  if (options.sessions > 0) wishes.sessions = options.sessions;
  return pkcs11::open_key(text, wishes).value();
}

// Which of several certificates was taken, where the URI means more than one.
void tell_choice(const pkcs11::chosen_certificate& chosen) {
  if (chosen.passed_over.empty()) return;
  std::string others;
  for (const auto& one : chosen.passed_over) others += (others.empty() ? "" : ", ") + end_of(one.parsed.front());
  screen(stderr).line(
      fmt::format("sluice: --cert: {} certificates fit, {}; the one that is valid until {} is taken, not until {}",
                  chosen.passed_over.size() + 1, chosen.uri, end_of(chosen.chain.front()), others));
}

// Of those with that label or id on the token, the one that goes with the key and lasts longest; and its issuers,
// from --chain and from the token. After the key has been opened, which keeps the token logged in to: a person at its
// pad is asked once.
std::string chain_on_token(const credential_options& options, const std::string& text, const private_key& key) {
  const auto place = place_of(options, text);
  const auto wanted = place.parsed("--cert");
  const auto others =
      options.chain.empty() ? std::vector<certificate>() : certificate::from_pem_file(options.chain).value();
  const auto chosen =
      place.open().choose_certificate(wanted, key.public_key().value_or(std::vector<std::byte>()), others).value();
  tell_choice(chosen);
  std::string pem;
  for (const auto& one : chosen.chain) pem += one.to_pem();
  return pem;
}

}  // namespace

std::optional<identity> credential_options::load() const {
  if (!chain.empty() && !is_uri(cert)) {
    give_up(errc::invalid_argument, "--chain", "it completes a certificate that is in a token",
            "put the whole chain into the file of --cert");
  }
  if (cert.empty()) {
    if (key.empty()) return std::nullopt;
    give_up(errc::invalid_argument, "--key", "there is no certificate to go with it", "add --cert FILE");
  }
  const auto& key_place = key.empty() ? cert : key;
  if (is_uri(cert)) {
    if (is_uri(key_place)) {
      const bool is_one = key.empty() || key == cert;
      const auto cert_uri = is_one ? without_type(cert, "--cert") : cert;
      const auto opened = open_key(*this, is_one ? cert_uri : key_place, key.empty() ? "--cert" : "--key");
      return identity::from_chain(chain_on_token(*this, cert_uri, *opened), opened).value();
    }
    give_up(errc::invalid_argument, "--key", "the certificate is in a token and the key in a file",
            "give the certificate as --cert FILE");
  }
  if (is_uri(key_place)) return identity::from_chain_file(cert, open_key(*this, key_place, "--key")).value();
  auto made = identity::from_files(cert, key_place, password_of(password_file));
  if (!made) throw error(with_password_remedy(made.error(), password_file));
  return std::move(*made);
}

std::vector<identity> credential_list::load() const {
  if (!keys.empty() && keys.size() != certs.size()) {
    const auto counted = [](std::size_t n, const std::string& what) {
      return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
    };
    give_up(errc::invalid_argument, "--key",
            counted(certs.size(), "certificate") + " and " + counted(keys.size(), "key"),
            "give a --key for each --cert, in the same order; where both are in one file, that file");
  }
  std::vector<identity> made;
  for (std::size_t i = 0; i < std::max<std::size_t>(certs.size(), 1); ++i) {
    auto one = shared;
    if (i < certs.size()) one.cert = certs[i];
    if (i < keys.size()) one.key = keys[i];
    if (auto loaded = one.load()) made.push_back(std::move(*loaded));
  }
  return made;
}

}  // namespace sluice::tool
