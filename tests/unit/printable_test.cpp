// SPDX-License-Identifier: Apache-2.0
// What others wrote, as it may be shown: in every kind of sentence that the library makes of it.
#include "sluice/printable.hpp"

#include "core/base/error_tables.hpp"
#include "sluice/result.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::test {
namespace {

using namespace std::string_literals;

TEST(printable, leaves_text_as_it_is) {
  for (const auto* text : {"", "CN=example.org", "a\\b \"c\"", "bücher.test", "日本語", "😀", "👩‍👩‍👧"}) {
    EXPECT_EQ(printable(text), text);
    EXPECT_EQ(valid_utf8(text), text);
  }
}

TEST(printable, escapes_every_control_character) {
  for (int c = 0; c < 0x20; ++c) {
    const auto shown = printable(std::string(1, static_cast<char>(c)));
    EXPECT_EQ(shown.size(), 4U) << c;
    EXPECT_TRUE(shown.starts_with("\\x")) << c;
  }
  EXPECT_EQ(printable("evil\x1b[2J\r\n\tx\x7f\0z"s), "evil\\x1b[2J\\x0d\\x0a\\x09x\\x7f\\x00z");
  EXPECT_EQ(printable("\u0080\u0085\u009b31m\u009f"), "\\u0080\\u0085\\u009b31m\\u009f");
}

TEST(printable, escapes_what_turns_text_around_or_cannot_be_seen) {
  EXPECT_EQ(printable("a\u202egro.elpmaxe\u202c"), "a\\u202egro.elpmaxe\\u202c");
  for (const auto* mark : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202d", "\u2066", "\u2067", "\u2068", "\u2069"})
    EXPECT_TRUE(printable(mark).starts_with("\\u")) << mark;
  EXPECT_EQ(printable("\u2028\u2029\u200b\ufeff\u00ad"), "\\u2028\\u2029\\u200b\\ufeff\\u00ad");
  EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
}

TEST(printable, escapes_what_is_not_utf8_byte_by_byte) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("caf\xe9 x"), "caf\\xe9 x");                   // Latin-1
  EXPECT_EQ(printable("\xc0\x80\xc1\xbf"), "\\xc0\\x80\\xc1\\xbf");  // long forms
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
  EXPECT_EQ(printable("\xf0\x82\x82\xac"), "\\xf0\\x82\\x82\\xac");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");                    // cut
  EXPECT_EQ(printable("\xe2\x82\xc3\xa9"), "\\xe2\\x82é");           // and what follows is whole
  EXPECT_EQ(printable("\x80\xbf"), "\\x80\\xbf");
}

TEST(printable, does_not_change_what_it_made) {
  for (int high = 0; high < 256; ++high) {
    for (int low = 0; low < 256; ++low) {
      const std::string text = {static_cast<char>(high), static_cast<char>(low)};
      const auto once = printable(text);
      ASSERT_EQ(printable(once), once) << high << ' ' << low;
      ASSERT_EQ(valid_utf8(once), once) << high << ' ' << low;
    }
  }
}

TEST(valid_utf8, escapes_nothing_else) {
  EXPECT_EQ(valid_utf8("\x1b[2J\r\n\u202e\x7f"), "\x1b[2J\r\n\u202e\x7f");
  EXPECT_EQ(valid_utf8("caf\xe9\xff"), "caf\\xe9\\xff");
}

TEST(failure_message, shows_nothing_of_others_raw) {
  failure reason;
  reason.code = make_error_code(errc::untrusted);
  reason.where = "a\nb";
  reason.detail = "\"CN=\x1b[2J\"";
  reason.remedy = "see http://x/\u202e\xff";
  EXPECT_EQ(reason.message(), "a\\x0ab: " + reason.code.message() + ": \"CN=\\x1b[2J\"; see http://x/\\u202e\\xff");
  EXPECT_STREQ(error(reason).what(), reason.message().c_str());
}

TEST(failure_message, of_the_makers_has_a_printable_detail_and_remedy) {
  const auto error = make_failure(errc::invalid_argument, "p\rq", "d\x1b", "r\x9b");
  EXPECT_EQ(error.where, "p\rq");
  EXPECT_EQ(error.detail, "d\\x1b");
  EXPECT_EQ(error.remedy, "r\\x9b");
}

}  // namespace
}  // namespace sluice::test
