// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/world.hpp"

#include "testkit/peers/answer.hpp"

#include "sluice/library.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sluice::testkit::peers {
namespace {

namespace fs = std::filesystem;

testkit::authority make_root(const char* name) { return testkit::authority::make_root(name).value(); }

fs::path cache_folder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (const auto given = variable("XDG_CACHE_HOME"); !given.empty()) return fs::path(given) / "sluice" / "lab";
  if (const auto home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache" / "sluice" / "lab";
  return {};
}

bool takes_long(const std::string& type) { return type == "rsa3072" || type == "rsa4096" || type == "rsa8192"; }

std::optional<testkit::local_key> read_key(const fs::path& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) return std::nullopt;
  auto key = testkit::local_key::from_pem(text.str());
  return key ? std::optional(std::move(*key)) : std::nullopt;
}

// A cache that cannot be written costs time, and nothing else. By renaming: no reader sees half a key.
void keep_key(const fs::path& file, const testkit::local_key& key) {
  std::error_code ec;
  fs::create_directories(file.parent_path(), ec);
  fs::permissions(file.parent_path(), fs::perms::owner_all, ec);
  const auto unfinished = file.string() + "." + std::to_string(::getpid());
  {
    std::ofstream out(unfinished);
    fs::permissions(unfinished, fs::perms::owner_read | fs::perms::owner_write, ec);
    out << key.pem();
  }
  fs::rename(unfinished, file, ec);
  if (ec) fs::remove(unfinished, ec);
}

testkit::local_key make_key(const std::string& type) {
  const auto folder = takes_long(type) ? cache_folder() : fs::path();
  if (folder.empty()) return testkit::local_key::generate(type).value();
  const auto file = folder / (type + ".pem");
  if (auto known = read_key(file)) return *std::move(known);
  auto key = testkit::local_key::generate(type).value();
  keep_key(file, key);
  return key;
}

}  // namespace

world::world()
    : root_(make_root("Sluice Lab")),
      stranger_(make_root("Sluice Lab Stranger")),
      middle_(root_.make_intermediate("Sluice Lab Intermediate").value()) {}

const testkit::local_key& world::key(const std::string& type) {
  const auto found = keys_.find(type);
  return found != keys_.end() ? found->second : keys_.emplace(type, make_key(type)).first->second;
}

testkit::issued world::issue(const testkit::leaf_options& options, const std::string& key_type) {
  return issue_by(root_, options, key_type);
}

testkit::issued world::issue_by(const testkit::authority& issuer, const testkit::leaf_options& options,
                                const std::string& key_type) {
  const auto& subject_key = key(key_type);
  auto made = issuer.issue_for(subject_key.public_key(), options).value();
  made.key = subject_key.pem();
  return made;
}

const old_tls_server& world::old_tls() { return old_tls_ ? *old_tls_ : old_tls_.emplace(folder_); }

const world::key_in_token& world::token_site() {
  if (token_) return token_site_;
  token_ = testkit::scratch_token::make("sluice-lab").value();
  auto admin = token_->admin().value();
  const auto id = std::byte{1};
  admin.generate_key(pkcs11::key_type::ec256, "site", {&id, 1}).value();
  const auto generated = admin.keys().value().front();
  token_site_ = {token_->uri("site"), root_.issue_for(generated.public_key, good_leaf()).value().chain};
  return token_site_;
}

testkit::leaf_options good_leaf() { return {.common_name = "localhost", .names = {"localhost", "127.0.0.1"}}; }

server_options serving(const testkit::issued& site) {
  server_options options;
  options.identities = {identity::from_pem(site.chain, site.key).value()};
  options.blinding = blinding::at_most(std::chrono::seconds(0));
  return options;
}

context server_context(const server_options& options) { return context::server(options).value(); }

peer tls_peer(const testkit::issued& site, std::string server_name) {
  return tls_peer(serving(site), std::move(server_name));
}

peer tls_peer(const server_options& options, std::string server_name) {
  return {.serve = [tls = server_context(options)](tcp::socket socket) { return answer(std::move(socket), tls); },
          .server_name = std::move(server_name)};
}

peer allowing(peer p, bool allowances::*what) {
  p.adapt = [what](client_options& options) { options.allow.*what = true; };
  return p;
}

}  // namespace sluice::testkit::peers
