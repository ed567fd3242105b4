// SPDX-License-Identifier: Apache-2.0
#include "support/certs.hpp"

#include <map>
#include <mutex>

namespace sluice::test {
namespace {

testkit::leaf_options site_options() {
  return {.common_name = "localhost", .names = {"localhost", "127.0.0.1", "::1"}};
}

}  // namespace

const testkit::authority& root() {
  static const auto* made = new testkit::authority(testkit::authority::make_root("Test Root").value());
  return *made;
}

const testkit::issued& site(const std::string& key_type) {
  static std::mutex gate;
  static auto* cache = new std::map<std::string, testkit::issued>;
  const std::lock_guard lock(gate);
  auto found = cache->find(key_type);
  if (found == cache->end()) found = cache->emplace(key_type, root().issue(site_options(), key_type).value()).first;
  return found->second;
}

const testkit::issued& device() {
  static const auto* made =
      new testkit::issued(root().issue({.common_name = "device-7", .names = {"URI:urn:device:7"}}).value());
  return *made;
}

trust trust_root() { return trust::from_pem(root().certificate(), "test root").value(); }

identity site_identity(const std::string& key_type) {
  const auto& s = site(key_type);
  return identity::from_pem(s.chain, s.key).value();
}

context client_context(client_options options) {
  if (!options.trust) options.trust = trust_root();
  return context::client(options).value();
}

context server_context(server_options options) {
  if (options.identities.empty()) options.identities = {site_identity()};
  return context::server(options).value();
}

const testkit::scratch_folder& folder() {
  static const testkit::scratch_folder made;
  return made;
}

const testkit::scratch_token& token() {
  static const auto* made = testkit::scratch_token::make("test").value().release();
  return *made;
}

const token_identity& token_site(const std::string& key_type) {
  static std::mutex gate;
  static auto* cache = new std::map<std::string, token_identity>;
  const std::lock_guard lock(gate);
  if (const auto found = cache->find(key_type); found != cache->end()) return found->second;
  auto admin = token().admin().value();
  const auto id = std::byte(cache->size() + 1);
  admin.generate_key(pkcs11::key_type_from(key_type).value(), "site-" + key_type, {&id, 1}).value();
  std::vector<std::byte> spki;
  for (const auto& key : admin.keys().value()) {
    if (key.label == "site-" + key_type) spki = key.public_key;
  }
  auto options = site_options();
  const auto cert = root().issue_for(spki, options).value();
  return cache->emplace(key_type, token_identity{token().uri("site-" + key_type), cert.chain}).first->second;
}

}  // namespace sluice::test
