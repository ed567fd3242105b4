// SPDX-License-Identifier: Apache-2.0
#include "verbs/demo/stage.hpp"

#include "terminal/failure.hpp"

#include "sluice/pkcs11/key.hpp"

#include <algorithm>
#include <filesystem>

namespace sluice::tool {
namespace {

testkit::leaf_options site_options() { return {.common_name = "localhost", .names = {"localhost", "127.0.0.1"}}; }

context make_server(identity site) {
  server_options options;
  options.identities = {std::move(site)};
  options.alpn = {"h2", "http/1.1"};
  options.blinding = blinding::at_most(std::chrono::seconds(0));
  return context::server(options).value();
}

token_site bear_key(pkcs11::token& admin, const testkit::scratch_token& token, const testkit::authority& root,
                    pkcs11::key_type type, const std::string& name, const std::string& label, std::byte id) {
  admin.generate_key(type, label, {&id, 1}).value();
  const auto keys = admin.keys().value();
  const auto generated = std::ranges::find(keys, label, &pkcs11::key_info::label);
  if (generated == keys.end()) give_up(errc::key_not_found, token.uri(label), "it was made, and is not there");
  const auto issued = root.issue_for(generated->public_key, site_options()).value();
  return {.name = name,
          .label = label,
          .uri = token.uri(label),
          .chain = issued.chain,
          .stays_in_token = generated->is_sensitive && !generated->is_extractable};
}

}  // namespace

stage::stage()
    : root_(testkit::authority::make_root("Sluice demonstration").value()),
      token_(testkit::scratch_token::make("sluice-demo").value()) {
  auto admin = token_->admin().value();
  sites_.push_back(bear_key(admin, *token_, root_, pkcs11::key_type::ec256, "P-256", "p256", std::byte{1}));
  sites_.push_back(bear_key(admin, *token_, root_, pkcs11::key_type::rsa2048, "RSA-2048", "rsa2048", std::byte{2}));
  in_memory_ = root_.issue(site_options()).value();
  ca_file_ = write("ca.pem", root_.certificate());
}

context stage::client(version_range versions) const {
  client_options options;
  options.trust = trust::from_pem(root_.certificate(), "the demonstration's authority").value();
  options.versions = versions;
  options.alpn = {"h2", "http/1.1"};
  options.blinding = blinding::at_most(std::chrono::seconds(0));
  return context::client(options).value();
}

context stage::server(const token_site& site, const std::string& module) const {
  pkcs11::key_options options;
  options.module_path = module.empty() ? module_path() : module;
  const auto key = pkcs11::open_key(site.uri, options).value();
  return make_server(identity::from_chain(site.chain, key).value());
}

context stage::server_in_memory() const {
  return make_server(identity::from_pem(in_memory_.chain, in_memory_.key).value());
}

std::string stage::write(const std::string& name, const std::string& text) const {
  return testkit::softhsm_home().write(name, text);
}

bool stage::clear() noexcept {
  std::error_code ec;
  const auto& folder = testkit::softhsm_home().path();
  std::filesystem::remove_all(folder, ec);
  return !std::filesystem::exists(folder, ec);
}

}  // namespace sluice::tool
