// SPDX-License-Identifier: Apache-2.0
// Modules that bring OpenSSL's libcrypto share a process with our AWS-LC, and nobody notices.
#include "support/certs.hpp"
#include "support/pair.hpp"

#include "sluice/pkcs11/key.hpp"

#include <gtest/gtest.h>

#include <dlfcn.h>

#include <fstream>
#include <string>

namespace sluice::test {
namespace {

bool is_mapped(const std::string& library) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(library) != line.npos) return true;
  }
  return false;
}

TEST(neighbours, softhsm_and_opensc_in_a_process_that_does_tls_and_signs_with_one_of_them) {
  const auto& generated = token_site("rsa2048");
  const auto opensc = pkcs11::module::load(pkcs11::module::find("opensc-pkcs11").value());
  ASSERT_TRUE(opensc) << opensc.error().message();
  EXPECT_TRUE(opensc->tokens());
  ASSERT_TRUE(is_mapped("libcrypto.so.3")) << "neither module brought it; the test shows nothing";

  const auto id = identity::from_chain(generated.chain, pkcs11::open_key(generated.key_uri).value()).value();
  for (int i = 0; i < 3; ++i) {
    pair p(client_context(), server_context({.identities = {id}}));
    ASSERT_TRUE(p.handshake()) << p.client.last_failure().message() << p.server.last_failure().message();
    EXPECT_EQ(p.client_to_server("to the server"), "to the server");
    EXPECT_EQ(p.server_to_client("to the client"), "to the client");
  }
}

// RTLD_LOCAL: what a module brings along is nobody else's.
TEST(neighbours, a_module_s_libcrypto_is_not_visible_to_the_program) {
  testkit::softhsm_home();
  ASSERT_TRUE(pkcs11::module::load(testkit::softhsm_module().value()));
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "EVP_PKEY_get_bn_param"), nullptr);
}

}  // namespace
}  // namespace sluice::test
