// SPDX-License-Identifier: Apache-2.0
// What the system rarely answers: a folder that cannot be read to its end, a set-uid program without an environment.
#include "support/certs.hpp"

#include "sluice/pkcs11/module.hpp"
#include "sluice/trust.hpp"

#include <gtest/gtest.h>

#include <dirent.h>
#include <dlfcn.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

int entries_before_failure = -1;  // below 0: none fails
bool is_set_uid = false;

}  // namespace

// In place of the C library's, for the C++ library as well.
extern "C" dirent* readdir(DIR* folder) {
  static const auto real = reinterpret_cast<dirent* (*)(DIR*)>(::dlsym(RTLD_NEXT, "readdir"));
  if (entries_before_failure == 0) {
    errno = EIO;
    return nullptr;
  }
  if (entries_before_failure > 0) --entries_before_failure;
  return real(folder);
}
extern "C" dirent64* readdir64(DIR* folder) { return reinterpret_cast<dirent64*>(readdir(folder)); }

extern "C" {
char* __real_secure_getenv(const char* name);
char* __wrap_secure_getenv(const char* name) { return is_set_uid ? nullptr : __real_secure_getenv(name); }
}

namespace sluice::test {
namespace {

TEST(trust_folder, that_cannot_be_read_to_its_end_is_an_error_and_throws_nothing) {
  folder().write("anchor.pem", root().certificate());
  for (const int entries : {0, 1, 2, 3}) {
    entries_before_failure = entries;
    result<trust> read = trust::from_folder(folder().path().string());
    entries_before_failure = -1;
    ASSERT_FALSE(read) << entries;
    EXPECT_EQ(read.error().code, make_error_code(errc::file_unreadable)) << entries;
    EXPECT_EQ(read.error().where, folder().path().string());
  }
  EXPECT_TRUE(trust::from_folder(folder().path().string()));
}

TEST(registered_modules, are_those_that_could_be_read) {
  const auto all = pkcs11::module::registered();
  for (const int entries : {0, 1, 2, 3, 4}) {
    entries_before_failure = entries;
    std::vector<std::string> some;
    EXPECT_NO_THROW(some = pkcs11::module::registered()) << entries;
    entries_before_failure = -1;
    EXPECT_TRUE(std::ranges::includes(all, some)) << entries;
  }
}

TEST(trust_of_the_system, does_not_listen_to_the_environment_in_a_set_uid_program) {
  const auto mine = folder().write("mine.pem", root().certificate());
  const system_store_paths where{.files = {}, .folders = {}, .read_environment = true};
  const std::pair<const char*, std::string> rows[] = {{"SSL_CERT_FILE", mine},
                                                      {"SSL_CERT_DIR", folder().path().string()}};
  for (const auto& [name, value] : rows) {
    ::setenv(name, value.c_str(), 1);
    is_set_uid = false;
    EXPECT_TRUE(trust::system(where)) << name;
    is_set_uid = true;
    const auto refused = trust::system(where);
    is_set_uid = false;
    ::unsetenv(name);
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, make_error_code(errc::trust_store_empty));
  }
}

}  // namespace
}  // namespace sluice::test
