// SPDX-License-Identifier: Apache-2.0
// Secrets are gone from memory when it is given back, also where something failed half-way.
#include "core/base/files.hpp"
#include "core/x509/pem.hpp"
#include "support/certs.hpp"

#include "sluice/pkcs11/uri.hpp"
#include "sluice/secret.hpp"
#include "sluice/session.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <new>
#include <span>
#include <string_view>

namespace {

// What must not be in a block that is given back; empty: nobody looks.
std::string_view marker;
int found = 0;

void look(void* block) noexcept {
  if (block == nullptr || marker.empty()) return;
  const std::string_view bytes(static_cast<const char*>(block), ::malloc_usable_size(block));
  found += bytes.find(marker) != bytes.npos;
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* block = std::malloc(size)) return block;
  throw std::bad_alloc();
}
// A sanitizer has one of its own, whose blocks free() must not get.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size); }
void operator delete(void* block) noexcept {
  look(block);
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace sluice::test {
namespace {

constexpr std::string_view pin = "0123456789-a-long-PIN-0123456789";
// Its last character is written in another way, so that what is given is not what is looked for.
constexpr std::string_view in_uri = "0123456789-a-long-PIN-012345678%39";
static_assert(pin.size() > 16, "longer than what a string keeps within itself");

struct wiped : ::testing::Test {
  ~wiped() override { marker = {}; }
  // Runs `what`; says how many blocks were given back with `secret_text` in them.
  template <class What>
  int left_behind(std::string_view secret_text, What what) {
    found = 0;
    marker = secret_text;
    what();
    marker = {};
    return found;
  }
};

TEST_F(wiped, is_what_this_test_can_tell) {
  // NOLINTNEXTLINE(bugprone-unused-local-non-trivial-variable): left behind in memory, which is the point
  EXPECT_EQ(left_behind(pin, [] { const std::string copy(pin); }), 1);
  EXPECT_EQ(left_behind(pin, [] { const secret copy(pin); }), 0);
}

TEST_F(wiped, are_secrets_that_move_and_are_replaced) {
  EXPECT_EQ(left_behind(pin,
                        [] {
                          secret one(pin);
                          secret two(std::move(one));
                          secret three(std::string_view("another secret, as long as that"));
                          three = std::move(two);
                          const auto four = three.clone();
                          three = secret();
                        }),
            0);
}

TEST_F(wiped, are_pins_of_uris_good_and_bad) {
  const std::string good = "pkcs11:token=a;object=b?pin-value=" + std::string(in_uri);
  const std::string bad_rows[] = {good + "&no-such=1", good + "&pin-value=" + std::string(in_uri), good + "%zz",
                                  "pkcs11:token=a;pin-value=" + std::string(in_uri),
                                  "pkcs11:token=a?pin-valeu=" + std::string(in_uri)};
  EXPECT_EQ(left_behind(pin, [&] { EXPECT_EQ(pkcs11::uri::parse(good).value().pin_value.view(), pin); }), 0);
  for (const auto& bad : bad_rows) {
    EXPECT_EQ(left_behind(pin, [&] { EXPECT_FALSE(pkcs11::uri::parse(bad)) << bad; }), 0) << bad;
    const auto error = pkcs11::uri::parse(bad).error();
    EXPECT_EQ(error.message().find("a-long-PIN"), std::string::npos) << error.message();
  }
}

TEST_F(wiped, are_files_that_are_read_whole_or_in_part) {
  const auto file = folder().write("secret", std::string(pin) + "\nsecond line\n");
  EXPECT_EQ(left_behind(pin, [&] { EXPECT_EQ(secret::from_file(file).value().view(), pin); }), 0);
  EXPECT_EQ(left_behind(pin, [&] { EXPECT_TRUE(internal::read_secret_file(file)); }), 0);
  const auto large = folder().write("large", std::string(pin));
  ASSERT_EQ(::truncate(large.c_str(), 20 * 1024 * 1024), 0);
  EXPECT_EQ(left_behind(pin, [&] { EXPECT_FALSE(internal::read_secret_file(large)) << "too large"; }), 0);
}

// A pipe does not say how long it is: the text grows as it comes.
TEST_F(wiped, is_what_grows_as_it_is_read) {
  const auto pipe = (folder().path() / "growing").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto child = ::fork();
  if (child == 0) {
    std::ofstream out(pipe);
    out << pin << std::string(200000, '.') << std::flush;
    ::_exit(0);
  }
  EXPECT_EQ(left_behind(pin, [&] { EXPECT_EQ(internal::read_secret_file(pipe).value().size(), pin.size() + 200000); }),
            0);
  int status = 0;
  ::waitpid(child, &status, 0);
}

TEST_F(wiped, are_keys_that_were_loaded_shown_and_replaced) {
  static const auto issued = site();
  const auto body = issued.key.find('\n') + 1;
  const std::string_view line = std::string_view(issued.key).substr(body, 48);  // of the key's base64
  const auto chain = folder().write("wiped.pem", issued.chain);
  const auto key = folder().write("wiped.key", issued.key);
  EXPECT_EQ(left_behind(line,
                        [&] {
                          auto one = identity::from_files(chain, key).value();
                          const auto two = one.with_ocsp_response({}).value();
                          one = two;
                        }),
            0);
  EXPECT_EQ(left_behind(line, [&] { EXPECT_FALSE(identity::from_files(key, key)); }), 0);

  auto objects = internal::parse_pem(issued.key, "key").value();
  ASSERT_FALSE(objects.empty());
  const std::string der(reinterpret_cast<const char*>(objects.front().der.data()), objects.front().der.size());
  EXPECT_EQ(left_behind(std::string_view(der).substr(8, 40),
                        [&] {
                          auto one = std::move(objects.front());
                          one = internal::pem_object();
                          objects.clear();
                        }),
            0);
}

TEST_F(wiped, are_sessions_that_a_store_gives_up) {
  EXPECT_EQ(left_behind(pin,
                        [] {
                          const auto store = make_session_store(1, 1);
                          store->put("a", std::as_bytes(std::span(pin)), std::chrono::hours(1));
                          store->put("a", std::as_bytes(std::span(pin)), std::chrono::hours(1));
                          store->put("b", std::as_bytes(std::span(pin)), std::chrono::hours(1));
                          EXPECT_TRUE(store->take("b"));
                        }),
            0);
}

}  // namespace
}  // namespace sluice::test
