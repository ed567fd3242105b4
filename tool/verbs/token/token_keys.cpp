// SPDX-License-Identifier: Apache-2.0
// `sluice token keygen`, `import`, `csr` and `sign`: putting keys into a token, and using them once.
#include "arguments/password_place.hpp"
#include "terminal/failure.hpp"
#include "testkit/authority/authority.hpp"
#include "testkit/authority/signing.hpp"
#include "terminal/answer.hpp"
#include "verbs/token/describe.hpp"
#include "verbs/token/token.hpp"

#include "sluice/identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>

namespace sluice::tool {
namespace {

struct key_verb_options {
  token_place place;
  std::string type = "ec256", key_file, cert_file, password_file, subject, scheme, in;
  std::vector<std::string> names;
  bool json = false;
};

std::string read_file(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    give_up(std::filesystem::exists(path) ? errc::file_unreadable : errc::file_not_found, path);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

struct wiped_at_the_end {
  std::string& text;
  ~wiped_at_the_end() { ::explicit_bzero(text.data(), text.size()); }
};

std::string wanted_label(const key_verb_options& options) {
  const auto u = options.place.parsed();
  if (u.object && !u.object->empty()) return *u.object;
  give_up(errc::invalid_argument, u.to_string(), "it does not name the key (object=…)", "add ;object=LABEL to the URI");
}

// CKA_ID joins a key with its certificate; without a chosen one, a random one will do.
std::vector<std::byte> wanted_id(const pkcs11::uri& u) {
  if (u.id) return *u.id;
  std::random_device random;
  std::vector<std::byte> id(8);
  for (auto& b : id) b = static_cast<std::byte>(random() & 0xff);
  return id;
}

// Two keys of one name make every URI with that name ambiguous, and a server that uses it fails.
void refuse_twins(const pkcs11::token& token, const std::string& label) {
  const auto there = token.find_keys(label).value();
  if (there.empty()) return;
  give_up(errc::in_use, there.front(), "there is a key of that name already",
          "choose another object=LABEL, or remove that key first");
}

// A certificate goes under the id of its key, which is what joins them.
std::vector<std::byte> id_of_key(const pkcs11::token& token, const certificate& cert,
                                 std::vector<std::byte> otherwise) {
  for (auto& k : token.keys().value()) {
    if (!k.id.empty() && std::ranges::equal(k.public_key, cert.public_key())) return std::move(k.id);
  }
  return otherwise;
}

int told_uri(const key_verb_options& options, const std::string& uri) {
  const screen out(stdout);
  const auto ready = options.place.ready(uri);
  out.line(options.json ? to_text(json::object{{"uri", ready}}) : ready);
  return exit_ok;
}

int generate(const key_verb_options& options) {
  const auto type = pkcs11::key_type_from(options.type);
  if (!type) {
    give_up(errc::invalid_argument, "--type", "\"" + options.type + "\" is not a type of key",
            "write ec256, ec384, ec521, rsa2048, rsa3072 or rsa4096");
  }
  const auto label = wanted_label(options);
  auto token = options.place.open(true);
  refuse_twins(token, label);
  return told_uri(options, token.generate_key(*type, label, wanted_id(options.place.parsed())).value());
}

testkit::local_key read_key(const key_verb_options& options) {
  auto pem = read_file(options.key_file);
  const wiped_at_the_end wiped{pem};
  secret password;
  if (const auto source = password_of(options.password_file)) password = source({options.key_file}).value();
  auto key = testkit::local_key::from_pem(pem, password.view());
  if (key) return std::move(*key);
  if (pem.find("PRIVATE KEY") == pem.npos)
    give_up(errc::no_private_key, options.key_file, "", "give the file with the private key, in PEM");
  const bool is_encrypted = pem.find("ENCRYPTED") != pem.npos;
  if (!is_encrypted) give_up(errc::bad_pem, options.key_file);
  auto reason = password.empty() ? make_failure(errc::password_needed, options.key_file, "the key is encrypted")
                                 : make_failure(errc::wrong_password, options.key_file,
                                                "it does not open the key, or the file is damaged");
  throw error(with_password_remedy(std::move(reason), options.password_file));
}

int import(const key_verb_options& options) {
  if (options.key_file.empty() && options.cert_file.empty())
    give_up(errc::invalid_argument, "token import", "there is nothing to import",
            "give --key FILE, --cert FILE or both");
  const auto label = wanted_label(options);
  auto id = wanted_id(options.place.parsed());
  // Read before the token is asked: what cannot be read must not leave half of it there.
  std::optional<testkit::local_key> key;
  std::vector<certificate> chain;
  if (!options.key_file.empty()) key = read_key(options);
  if (!options.cert_file.empty()) chain = certificate::from_pem_file(options.cert_file).value();
  if (key && !chain.empty() && !std::ranges::equal(key->public_key(), chain.front().public_key())) {
    give_up(errc::key_mismatch, options.cert_file, "the certificate is not of the key in " + options.key_file);
  }
  std::optional<pkcs11::key_numbers> numbers;
  if (key) {
    auto read = key->numbers();
    if (!read) give_up(errc::unsupported_key, options.key_file, "it is neither an RSA nor an EC key");
    numbers = std::move(*read);
  }
  auto token = options.place.open(true);
  if (numbers) refuse_twins(token, label);
  if (!numbers && !options.place.parsed().id) id = id_of_key(token, chain.front(), std::move(id));
  return told_uri(options, token.import_objects(numbers ? &*numbers : nullptr, chain, label, id).value());
}

struct opened_key {
  std::shared_ptr<pkcs11::key> key;
  std::vector<std::byte> public_key;
};

// The public half is the key's own, or that of the certificate that is given, which a signature proves to be its.
opened_key open_key(const key_verb_options& options) {
  options.place.parsed();
  opened_key made{.key = pkcs11::open_key(options.place.text, options.place.wishes()).value(), .public_key = {}};
  if (!options.cert_file.empty()) {
    const auto own = identity::from_chain_file(options.cert_file, made.key).value();
    const auto public_key = own.chain().front().public_key();
    made.public_key.assign(public_key.begin(), public_key.end());
    return made;
  }
  auto spki = made.key->public_key();
  if (!spki) {
    give_up(errc::no_certificate, made.key->name(), "the key is there, and its public half is not on the token",
            "give a certificate of the key with --cert FILE, or put the public key beside it, with the same CKA_ID");
  }
  made.public_key = std::move(*spki);
  return made;
}

int request(const key_verb_options& options) {
  const auto opened = open_key(options);
  const auto pem =
      testkit::make_request(*opened.key, opened.public_key, {.subject = options.subject, .names = options.names})
          .value();
  const screen out(stdout);
  if (options.json) {
    out.line(to_text(json::object{{"csr", pem}}));
  } else {
    out.lines(pem);
  }
  return exit_ok;
}

int sign(const key_verb_options& options) {
  const auto data = read_file(options.in);
  std::optional<signature_scheme> scheme;
  if (!options.scheme.empty()) {
    scheme = signature_scheme_from(options.scheme);
    if (!scheme)
      give_up(errc::invalid_argument, "--scheme", "\"" + options.scheme + "\" is not a signature scheme",
              "write for example ecdsa_secp256r1_sha256 or rsa_pss_rsae_sha256");
  }
  options.place.parsed();
  const auto key = pkcs11::open_key(options.place.text, options.place.wishes()).value();
  if (!scheme) {
    const auto usual = testkit::schemes_for(key->public_key().value_or(std::vector<std::byte>()));
    if (usual.empty())
      give_up(errc::invalid_argument, "--scheme", "the token does not report the type of the key", "name the scheme");
    scheme = usual.front();
  }
  const auto signature =
      testkit::base64(key->sign(testkit::digest_to_sign(*scheme, std::as_bytes(std::span(data)))).value());
  const screen out(stdout);
  out.line(options.json
               ? to_text(json::object{{"uri", key->name()}, {"scheme", to_string(*scheme)}, {"signature", signature}})
               : signature);
  return exit_ok;
}

std::shared_ptr<key_verb_options> declare(declaration& app) {
  auto options = std::make_shared<key_verb_options>();
  options->place.declare(app, true);
  app.add_flag("--json", options->json, "Print JSON");
  return options;
}

action answering(std::shared_ptr<key_verb_options> options, int (*verb)(const key_verb_options&)) {
  return [options, verb] { return answer(options->json, [&] { return verb(*options); }); };
}

}  // namespace

action declare_token_keygen(declaration& app) {
  auto options = declare(app);
  app.add_option("--type", options->type, "Type of key")
      .type_name("ec256|ec384|ec521|rsa2048|rsa3072|rsa4096")
      .capture_default_str();
  return answering(options, generate);
}

action declare_token_import(declaration& app) {
  auto options = declare(app);
  app.add_option("--key", options->key_file, "The private key, PEM").type_name("FILE");
  app.add_option("--cert", options->cert_file,
                 "The certificate, and its issuers if they are to be in the token too, PEM")
      .type_name("FILE");
  app.add_option("--password-file", options->password_file,
                 "The key file's password, first line of a file (else SLUICE_PASSWORD)")
      .type_name("FILE");
  return answering(options, import);
}

action declare_token_csr(declaration& app) {
  auto options = declare(app);
  app.add_option("--subject", options->subject, "CN=example.org,O=Example").type_name("NAME");
  app.add_option("--cert", options->cert_file,
                 "A certificate of the key, where the token does not have its public half")
      .type_name("FILE");
  app.add_option("--san", options->names, "A host name or address; may be given several times").type_name("NAME");
  return answering(options, request);
}

action declare_token_sign(declaration& app) {
  auto options = declare(app);
  app.add_option("--in", options->in, "What to sign; - is stdin").required().type_name("FILE");
  app.add_option("--scheme", options->scheme, "The TLS signature scheme (default: the default for the key's type)")
      .type_name("NAME");
  return answering(options, sign);
}

}  // namespace sluice::tool
