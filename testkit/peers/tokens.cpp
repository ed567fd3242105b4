// SPDX-License-Identifier: Apache-2.0
// Servers whose key is in a token that is slow, dead, or there every other time: ours, behind the faulty module.
#include "sluice/error.hpp"
#include "testkit/peers/faulty_module.hpp"
#include "testkit/peers/answer.hpp"
#include "testkit/peers/world.hpp"

#include "sluice/pkcs11/key.hpp"

#include <filesystem>

namespace sluice::testkit::peers {
namespace {

namespace fs = std::filesystem;
constexpr auto token_group = "tokens";

// The module reads where its script is when it is loaded: a copy of it a case, so that each has its own.
struct faulty_copy {
  std::string module, script;
};

faulty_copy copy_module(const world& w, const std::string& name) {
  faulty_copy made{(w.folder().path() / (name + ".so")).string(), (w.folder().path() / (name + ".toml")).string()};
  fs::copy_file(find_faulty_module({}), made.module);
  set_up_faulty_module(testkit::softhsm_module().value(), made.script);
  return made;
}

// The key is opened while the token is well, and the script begins when it is.
peer signing_in(world& w, const std::string& name, const std::string& script) {
  const auto copy = copy_module(w, name);
  const auto& [uri, chain] = w.token_site();
  const auto key = pkcs11::open_key(uri, {.module_path = copy.module, .timeout = std::chrono::seconds(3)}).value();
  server_options options;
  options.blinding = blinding::at_most(std::chrono::seconds(0));
  options.identities = {identity::from_chain(chain, key).value()};
  w.folder().write(name + ".toml", script);
  return tls_peer(options);
}

peer slow(world& w, int) { return signing_in(w, "token-slow", "[latency]\nC_Sign = \"300ms\"\n"); }

peer unplugged(world& w, int) { return signing_in(w, "token-dead", "[token]\nunplugged = true\n"); }

// Every third: each refusal costs a probe, which signs, and the second try of the refused caller.
peer flapping(world& w, int) {
  auto p =
      signing_in(w, "token-flapping", "[[answer]]\nfunction = \"C_Sign\"\nvalue = \"CKR_DEVICE_ERROR\"\nevery = 3\n");
  p.connections = 6;
  return p;
}

peer forgetful(world& w, int) {
  auto p = signing_in(w, "token-forgets",
                      "[[answer]]\nfunction = \"C_SignInit\"\nvalue = \"CKR_SESSION_HANDLE_INVALID\"\nevery = 2\n");
  p.connections = 6;
  return p;
}

peer lying(world& w, int) { return signing_in(w, "token-lies", "[token]\nsignature = \"odd\"\n"); }

std::string remedy() {
  if (!testkit::softhsm_module()) return "install SoftHSM: `apt install softhsm2`";
  try {
    find_faulty_module({});
  } catch (const error& e) {
    return e.why().message();
  }
  return {};
}

}  // namespace

std::vector<lab_case> token_cases() {
  using enum errc;
  constexpr auto them = origin::peer;
  std::vector<lab_case> rows = {
      {"token-slow", token_group, {}, {}, "its token takes 300 ms for a signature", "", slow},
      {"token-dead", token_group, errc::alert, them, "its token has been unplugged", "", unplugged},
      {"token-flapping",
       token_group,
       {},
       {},
       "its token refuses every third signature, over six connections",
       "",
       flapping},
      {"token-forgets",
       token_group,
       {},
       {},
       "its token loses every other session, over six connections",
       "",
       forgetful},
      {"token-lies", token_group, errc::alert, them, "its token makes signatures that do not verify", "", lying},
  };
  for (auto& row : rows) row.unavailable = remedy();
  return rows;
}

}  // namespace sluice::testkit::peers
