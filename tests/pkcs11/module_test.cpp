// SPDX-License-Identifier: Apache-2.0
// Loading modules: what is refused, and who initialises whom. A module is initialised once a process, so the tests
// that care run in processes of their own.
#include "support/faulty.hpp"
#include "support/own_process.hpp"

#include "pkcs11/access.hpp"
#include "pkcs11/library.hpp"

#include <p11-kit/pkcs11.h>

#include <gtest/gtest.h>

#include <dlfcn.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace sluice::pkcs11 {
namespace {

using test::faulty_token;

const auto strict = module_options{.initialization = initialization::strict};
const auto omit = module_options{.initialization = initialization::omit};

error_code ckr(CK_RV rv) { return {static_cast<int>(rv), pkcs11_category()}; }

TEST(module, that_is_not_there_is_refused) {
  const auto m = module::load("/nowhere/libnone.so");
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().code, errc::module_load_failed);
  EXPECT_EQ(m.error().where, "/nowhere/libnone.so");
}

TEST(module, that_is_another_library_is_refused) {
  const auto m = module::load("libm.so.6");
  ASSERT_FALSE(m);
  EXPECT_EQ(m.error().code, errc::symbol_missing);
  EXPECT_EQ(m.error().detail, "it has no C_GetFunctionList");
}

TEST(module, is_found_by_name) {
  EXPECT_NE(module::find("softhsm2").value().find("libsofthsm2.so"), std::string::npos);
  EXPECT_EQ(module::find("/a/path.so").value(), "/a/path.so");
  const auto none = module::find("no-such-module");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::module_load_failed);
  EXPECT_NE(none.error().detail.find("libno-such-module.so"), std::string::npos);
  EXPECT_NE(none.error().detail.find("no-such-module.module"), std::string::npos);
}

TEST(module, says_what_it_is) {
  testkit::softhsm_home();
  const auto m = module::load(testkit::softhsm_module().value()).value();
  EXPECT_EQ(m.info().cryptoki_major, 2);
  EXPECT_EQ(m.info().cryptoki_minor, 40);
  EXPECT_EQ(m.info().manufacturer, "SoftHSM");
}

bool two_loads_share_and_the_second_outlives_the_first() {
  testkit::softhsm_home();
  const auto path = testkit::softhsm_module().value();
  std::optional<module> first = module::load(path).value();
  const auto second = module::load(path).value();
  first.reset();
  CK_INFO info{};
  const bool still_there = access::loaded(second)->call(&CK_FUNCTION_LIST::C_GetInfo, &info) == CKR_OK;
  return still_there && module::load(path).has_value();
}
TEST(module, lib_behavior_default) { IN_A_PROCESS_OF_ITS_OWN(two_loads_share_and_the_second_outlives_the_first); }

bool omit_needs_somebody_else() {
  testkit::softhsm_home();
  const auto path = testkit::softhsm_module().value();
  const auto too_early = module::load(path, omit);
  if (too_early || too_early.error().code != ckr(CKR_CRYPTOKI_NOT_INITIALIZED)) return false;
  const auto somebody = module::load(path, strict).value();
  return module::load(path, omit).has_value();
}
TEST(module, lib_behavior_omit_initialize) { IN_A_PROCESS_OF_ITS_OWN(omit_needs_somebody_else); }

bool a_second_strict_one_is_refused_until_the_first_is_gone() {
  testkit::softhsm_home();
  const auto path = testkit::softhsm_module().value();
  std::optional<module> first = module::load(path, strict).value();
  const auto second = module::load(path, strict);
  if (second || second.error().code != ckr(CKR_CRYPTOKI_ALREADY_INITIALIZED)) return false;
  first.reset();
  return module::load(path, strict).has_value();
}
TEST(module, lib_behavior_strict_initialize_finalize) {
  IN_A_PROCESS_OF_ITS_OWN(a_second_strict_one_is_refused_until_the_first_is_gone);
}

bool a_strict_one_keeps_others_working_until_it_goes() {
  testkit::softhsm_home();
  const auto path = testkit::softhsm_module().value();
  std::optional<module> owner = module::load(path, strict).value();
  const auto guest = module::load(path).value();
  if (!guest.tokens()) return false;
  owner.reset();
  const auto after = guest.tokens();
  return !after && after.error().code == ckr(CKR_CRYPTOKI_NOT_INITIALIZED);
}
TEST(module, strict_finalizes_for_everybody) {
  IN_A_PROCESS_OF_ITS_OWN(a_strict_one_keeps_others_working_until_it_goes);
}

bool is_mapped(const std::string& path) {
  void* const found = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  if (found != nullptr) dlclose(found);
  return found != nullptr;
}

bool is_never_unmapped_though_finalised() {
  testkit::softhsm_home();
  const auto path = testkit::softhsm_module().value();
  {
    const auto strict_one = module::load(path, strict).value();
    const auto guest = module::load(path, omit).value();
  }
  if (!is_mapped(path)) return false;
  { const auto passing = module::load(path).value(); }
  return is_mapped(path) && module::load(path).value().tokens().has_value();  // initialised, and never finalised by us
}
TEST(module, is_never_unmapped) { IN_A_PROCESS_OF_ITS_OWN(is_never_unmapped_though_finalised); }

// Of its function list. How new it is, C_GetInfo says: SoftHSM's 2.40.
bool version_is(const std::string& version, bool accepted) {
  const faulty_token token;
  token.script("[module]\nversion = \"" + version + "\"");
  const auto m = module::load(faulty_token::module_path());
  if (accepted) return m.has_value() && m->info().cryptoki_major == 2 && m->info().cryptoki_minor == 40;
  return !m && m.error().code == errc::module_version_unsupported;
}
TEST(module, of_version_3_works_through_its_old_functions) {
  IN_A_PROCESS_OF_ITS_OWN([] { return version_is("3.0", true); });
}
TEST(module, whose_list_is_of_version_2_1_or_2_10_works) {
  IN_A_PROCESS_OF_ITS_OWN([] { return version_is("2.1", true) && version_is("2.10", true); });
}
bool is_refused_by_what_its_get_info_says() {
  testkit::softhsm_home();
  ::setenv("SLUICE_ODD_TARGET", testkit::softhsm_module().value().c_str(), 1);
  ::setenv("SLUICE_ODD", "old_info", 1);
  const auto m = module::load(SLUICE_ODD_MODULE);
  return !m && m.error().code == errc::module_version_unsupported;
}
TEST(module, of_version_2_10_is_refused) { IN_A_PROCESS_OF_ITS_OWN(is_refused_by_what_its_get_info_says); }
TEST(module, of_version_4_is_refused) {
  IN_A_PROCESS_OF_ITS_OWN([] { return version_is("4.0", false); });
}

bool works_when_it_knows_no_arguments() {
  const faulty_token token;
  token.generate("site");
  token.script("[module]\nknows_no_arguments = true");
  return token.open("site")->sign(test::request_for(signature_scheme::ecdsa_secp256r1_sha256)).has_value();
}
TEST(module, that_knows_no_arguments_works) { IN_A_PROCESS_OF_ITS_OWN(works_when_it_knows_no_arguments); }

bool is_never_called_twice_at_once() {
  const faulty_token token;
  token.generate("site");
  token.script("[module]\nsingle_threaded = true\n[latency]\nC_Sign = \"2ms\"");
  const auto key = token.open("site", {.sessions = 4});
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  threads.reserve(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) failed += !key->sign(test::request_for(signature_scheme::ecdsa_secp256r1_sha256));
    });
  }
  for (auto& t : threads) t.join();
  return failed == 0;
}
TEST(module, that_cannot_lock_is_called_from_one_thread_at_a_time) {
  IN_A_PROCESS_OF_ITS_OWN(is_never_called_twice_at_once);
}

}  // namespace
}  // namespace sluice::pkcs11
