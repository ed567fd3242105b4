// SPDX-License-Identifier: Apache-2.0
// Secrets: moved, not copied; wiped; read from the first line of a file.
#include "sluice/secret.hpp"

#include "support/certs.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <sstream>
#include <type_traits>

namespace sluice::test {
namespace {

template <class T>
concept printable = requires(std::ostream& out, const T& value) {
  out << value;
};

static_assert(!std::is_copy_constructible_v<secret>);
static_assert(!std::is_copy_assignable_v<secret>);
static_assert(std::is_nothrow_move_constructible_v<secret>);
static_assert(!printable<secret>);
static_assert(!std::is_convertible_v<std::string_view, secret>);

TEST(secrets, keep_what_they_are_given) {
  const secret text("1234");
  EXPECT_EQ(text.view(), "1234");
  EXPECT_EQ(text.size(), 4u);
  EXPECT_EQ(text.bytes().size(), 4u);
  EXPECT_FALSE(text.empty());
  EXPECT_TRUE(secret().empty());
  EXPECT_TRUE(secret("").empty());
  EXPECT_EQ(secret(std::string_view("a\0b", 3)).size(), 3u);
  EXPECT_EQ(secret(text.bytes()).view(), "1234");
}

TEST(secrets, are_empty_once_moved_from_and_cloned_on_demand) {
  secret one("1234");
  const auto copy = one.clone();
  secret two(std::move(one));
  // NOLINTNEXTLINE(bugprone-use-after-move): the state it is left in
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(one.view(), "");
  EXPECT_EQ(two.view(), "1234");
  EXPECT_EQ(copy.view(), "1234");
  secret three("other");
  three = std::move(two);
  EXPECT_EQ(three.view(), "1234");
  // NOLINTNEXTLINE(bugprone-use-after-move): the state it is left in
  EXPECT_TRUE(two.empty());
}

TEST(secrets, from_a_file_are_its_first_line) {
  const std::pair<std::string, std::string> rows[] = {{"1234\n", "1234"},       {"1234", "1234"}, {"1234\r\n", "1234"},
                                                      {"1234\nmore\n", "1234"}, {"", ""},         {"\n1234", ""},
                                                      {" 12 34 \n", " 12 34 "}};
  for (const auto& [text, expected] : rows) {
    EXPECT_EQ(secret::from_file(folder().write("pin", text)).value().view(), expected);
  }
}

TEST(secrets, from_a_file_that_is_not_there_name_it) {
  const auto absent = secret::from_file("/no/such/pin");
  EXPECT_EQ(absent.error().code, make_error_code(errc::file_not_found));
  EXPECT_EQ(absent.error().where, "/no/such/pin");
  EXPECT_EQ(secret::from_file("/tmp").error().code, make_error_code(errc::file_unreadable));
}

}  // namespace
}  // namespace sluice::test
