// SPDX-License-Identifier: Apache-2.0
// Where passwords come from, and files in every form: the file at fault is named.
#include "sluice/password.hpp"

#include "support/certs.hpp"
#include "support/forms.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::test {
namespace {

struct passwords : ::testing::Test {
  void TearDown() override { ::unsetenv("SLUICE_TEST_PASSWORD"); }
  testkit::scratch_folder home;
  const std::string chain = home.write("site.pem", site().chain);
  const std::string locked = home.write("locked.key", encrypted_pkcs8_pem(site().key, "right"));
  const std::string bag = home.write("site.p12", pkcs12_of({site().certificate}, site().key, "right"));
  const std::string absent = (home.path() / "absent").string();
};

TEST_F(passwords, come_from_the_first_line_of_a_file) {
  for (const auto* text : {"right", "right\n", "right\r\nwrong\n"}) {
    const auto source = password_from_file(home.write("password", text));
    EXPECT_TRUE(identity::from_files(chain, locked, source));
    EXPECT_TRUE(identity::from_pem_files(chain, locked, source));
    EXPECT_TRUE(identity::from_files(bag, bag, source));
  }
  const auto without = identity::from_files(chain, locked, password_from_file(absent));
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(without.error().where, absent);
}

TEST_F(passwords, come_from_the_environment) {
  const auto source = password_from_environment("SLUICE_TEST_PASSWORD");
  const auto unset = identity::from_files(chain, locked, source);
  ASSERT_FALSE(unset);
  EXPECT_EQ(unset.error().code, make_error_code(errc::password_needed));
  EXPECT_EQ(unset.error().where, locked);
  EXPECT_EQ(unset.error().detail, "the environment variable SLUICE_TEST_PASSWORD is not set");
  for (const auto* text : {"right", "right\n", "right\r\n", "right\nand more", "\xef\xbb\xbfright\n"}) {
    ::setenv("SLUICE_TEST_PASSWORD", text, 1);
    EXPECT_TRUE(identity::from_files(chain, locked, source)) << text;
  }
}

TEST_F(passwords, come_from_a_callback_whose_failure_is_the_failure) {
  const password_source refusing = [](const password_request& request) -> result<secret> {
    failure error;
    error.code = make_error_code(errc::cancelled);
    error.where = request.where;
    return error;
  };
  const auto id = identity::from_files(bag, bag, refusing);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().code, make_error_code(errc::cancelled));
  EXPECT_EQ(id.error().where, bag);
}

TEST_F(passwords, that_are_wrong_name_the_file_they_are_wrong_for) {
  const auto source = password_from(secret(std::string_view("wrong")));
  EXPECT_EQ(identity::from_files(chain, locked, source).error().where, locked);
  EXPECT_EQ(identity::from_files(bag, bag, source).error().where, bag);
  EXPECT_EQ(identity::from_files(bag, bag, source).error().code, make_error_code(errc::wrong_password));
  EXPECT_EQ(identity::from_files(absent, absent, source).error().code, make_error_code(errc::file_not_found));
}

TEST_F(passwords, open_a_store_of_trust) {
  const auto store = home.write("store.p12", pkcs12_of({root().certificate(), device().certificate}, "", "right"));
  const auto opened = trust::from_file(store, password_from(secret(std::string_view("right"))));
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->anchors().size(), 2u);
  EXPECT_EQ(opened->where(), store);
  EXPECT_EQ(trust::from_file(store).error().code, make_error_code(errc::password_needed));
  EXPECT_EQ(trust::from_file(store, password_from(secret(std::string_view("x")))).error().code,
            make_error_code(errc::wrong_password));
  const auto empty = home.write("empty.p12", pkcs12_of({}, site().key, ""));
  EXPECT_EQ(trust::from_file(empty).error().code, make_error_code(errc::trust_store_empty));
}

TEST_F(passwords, are_not_needed_for_trust_in_der) {
  const auto der = home.write("root.der", der_of(root().certificate()));
  EXPECT_EQ(trust::from_file(der).value().anchors().front().subject(), "CN=Test Root");
  EXPECT_EQ(certificate::from_file(der).value().front().subject(), "CN=Test Root");
  const auto damaged = home.write("damaged.der", der_of(root().certificate()).substr(0, 99));
  EXPECT_EQ(trust::from_file(damaged).error().code, make_error_code(errc::bad_der));
  EXPECT_EQ(trust::from_file(damaged).error().where, damaged);
  const auto key = home.write("key.der", pkcs8_der(site().key));
  EXPECT_EQ(trust::from_file(key).error().code, make_error_code(errc::trust_store_empty));
  EXPECT_EQ(trust::from_folder(home.path().string()).value().anchors().size(), 2u);  // root.der, and site.pem
}

}  // namespace
}  // namespace sluice::test
