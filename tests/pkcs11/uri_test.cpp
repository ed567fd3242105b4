// SPDX-License-Identifier: Apache-2.0
// RFC 7512 URIs: taken apart, written again, refused.
#include "sluice/pkcs11/uri.hpp"

#include <gtest/gtest.h>

namespace sluice::pkcs11 {
namespace {

TEST(uri, is_taken_apart) {
  const auto u =
      uri::parse(
          "pkcs11:token=my%20web;manufacturer=Acme;model=X1;serial=0123;slot-id=7;object=site;id=%01%02;type=private"
          "?module-name=softhsm2&module-path=/m.so&pin-source=file:/run/pin&pin-value=1234")
          .value();
  EXPECT_EQ(u.token, "my web");
  EXPECT_EQ(u.manufacturer, "Acme");
  EXPECT_EQ(u.model, "X1");
  EXPECT_EQ(u.serial, "0123");
  EXPECT_EQ(u.slot_id, 7u);
  EXPECT_EQ(u.object, "site");
  EXPECT_EQ(u.id, (std::vector<std::byte>{std::byte{1}, std::byte{2}}));
  EXPECT_EQ(u.type, "private");
  EXPECT_EQ(u.module_name, "softhsm2");
  EXPECT_EQ(u.module_path, "/m.so");
  EXPECT_EQ(u.pin_source, "file:/run/pin");
  EXPECT_EQ(u.pin_value.view(), "1234");
}

TEST(uri, absent_attributes_match_anything) {
  const auto u = uri::parse("pkcs11:").value();
  EXPECT_FALSE(u.token || u.serial || u.object || u.id || u.slot_id || u.type);
}

TEST(uri, is_written_without_its_pin) {
  const auto text =
      uri::parse("pkcs11:token=web;object=a%3Bb?pin-value=secret&module-name=softhsm2").value().to_string();
  EXPECT_EQ(text, "pkcs11:token=web;object=a%3Bb?module-name=softhsm2");
}

TEST(uri, survives_odd_labels) {
  uri u;
  u.token = "label!@#$%^&*-_=+{}[]<>?,./():_1";
  u.object = "ключ; один?";
  const auto again = uri::parse(u.to_string()).value();
  EXPECT_EQ(again.token, u.token);
  EXPECT_EQ(again.object, u.object);
}

TEST(uri, of_another_scheme_is_refused) {
  const auto u = uri::parse("file:/etc/key.pem");
  ASSERT_FALSE(u);
  EXPECT_EQ(u.error().code, errc::bad_uri);
  EXPECT_EQ(u.error().where, "file:/etc/key.pem");
}

TEST(uri, with_an_unknown_attribute_is_refused) {
  const auto u = uri::parse("pkcs11:tokn=web");
  ASSERT_FALSE(u);
  EXPECT_EQ(u.error().code, errc::bad_uri);
  EXPECT_EQ(u.error().detail,
            "it has an attribute that RFC 7512 does not know, \"tokn\"; known there are token, manufacturer, model, "
            "serial, library-manufacturer, library-description, library-version, slot-manufacturer, slot-description, "
            "slot-id, object, id, type");
}

TEST(uri, an_error_does_not_show_the_pin) {
  const auto u = uri::parse("pkcs11:tokn=web?pin-value=secret");
  ASSERT_FALSE(u);
  EXPECT_EQ(u.error().message().find("secret"), std::string::npos);
}

std::string refused(const std::string& text) {
  const auto u = uri::parse(text);
  if (u) return "accepted";
  EXPECT_EQ(u.error().code, errc::bad_uri);
  EXPECT_EQ(u.error().message().find("1234"), std::string::npos) << "what may be a PIN is not shown";
  return u.error().detail;
}

TEST(uri, with_a_misspelt_or_misplaced_attribute_is_refused_in_the_query_as_well) {
  const std::string known = "; known there are module-name, module-path, pin-source, pin-value";
  const std::string unknown = "it has an attribute that RFC 7512 does not know, ";
  EXPECT_EQ(refused("pkcs11:token=web?pin-value=1234&module-nam=x"), unknown + "\"module-nam\"" + known);
  EXPECT_EQ(refused("pkcs11:token=web?pinvalue=1234"), unknown + "\"pinvalue\"" + known);
  EXPECT_EQ(refused("pkcs11:token=web?PIN-VALUE=1234"), unknown + "\"PIN-VALUE\"" + known);
  EXPECT_EQ(refused("pkcs11:token=web?pin=1234"), unknown + "\"pin\"" + known);
  EXPECT_EQ(refused("pkcs11:token=web;pin-value=1234?module-name=softhsm2"), "pin-value belongs behind the ?");
  EXPECT_EQ(refused("pkcs11:token=web;pin-source=env:X"), "pin-source belongs behind the ?");
  EXPECT_EQ(refused("pkcs11:token=web?object=site"), "object belongs before the ?");
  EXPECT_EQ(refused("pkcs11:token=web;token=other"), "token is given twice");
  EXPECT_EQ(refused("pkcs11:token=web;object"), "it has a part without =");
  EXPECT_EQ(refused("pkcs11:token=web?1234"), "it has a part without =");
  EXPECT_EQ(refused("pkcs11:token=web?module-name="), "module-name is empty");
  EXPECT_EQ(refused("pkcs1l:token=web?pin-value=1234"), "it does not begin with pkcs11:");
}

TEST(uri, with_a_value_that_no_token_can_have_is_refused) {
  EXPECT_EQ(refused("pkcs11:token=" + std::string(33, 'a')), "token has 33 bytes, and PKCS#11 has room for 32 there");
  EXPECT_TRUE(uri::parse("pkcs11:token=" + std::string(32, 'a')));
  EXPECT_EQ(refused("pkcs11:serial=" + std::string(17, 'a')), "serial has 17 bytes, and PKCS#11 has room for 16 there");
  EXPECT_EQ(refused("pkcs11:slot-id=x"), "slot-id is not a number");
  EXPECT_EQ(refused("pkcs11:slot-id=99999999999999999999"), "slot-id is not a number");
  EXPECT_EQ(refused("pkcs11:library-version=256.1"), "library-version is not a version, such as 2.6");
  EXPECT_EQ(refused("pkcs11:type=privat"), "type is none of private, public, cert, secret-key and data");
  EXPECT_EQ(refused("pkcs11:object=%4"),
            "object has a % that is not followed by two hexadecimal digits; write % itself as %25");
  EXPECT_EQ(refused("pkcs11:token=a?module-path=/a%00b"), "module-path has a NUL byte in it");
}

TEST(uri, with_a_blank_or_a_line_break_is_refused) {
  EXPECT_EQ(refused("pkcs11:object=my key"), "object has a blank in it; write it as %20");
  EXPECT_EQ(refused("pkcs11:object=my\nkey"), "object has a line break or another control character in it");
  EXPECT_EQ(uri::parse("pkcs11:object=my%20key").value().object, "my key");
}

TEST(uri, has_the_attributes_of_slot_and_library_and_writes_them_again) {
  const std::string text =
      "pkcs11:library-description=Implementation;library-manufacturer=Acme;library-version=2.6;"
      "slot-description=Reader%201;slot-manufacturer=Cards";
  const auto u = uri::parse(text).value();
  EXPECT_EQ(u.library_description, "Implementation");
  EXPECT_EQ(u.library_manufacturer, "Acme");
  EXPECT_EQ(u.library_version, "2.6");
  EXPECT_EQ(u.slot_description, "Reader 1");
  EXPECT_EQ(u.slot_manufacturer, "Cards");
  const auto again = uri::parse(u.to_string()).value();
  EXPECT_EQ(again.library_version, "2.6");
  EXPECT_EQ(again.library_manufacturer, "Acme");
  EXPECT_EQ(again.slot_description, "Reader 1");
  EXPECT_EQ(again.clone().slot_manufacturer, "Cards");
  EXPECT_EQ(uri::parse("pkcs11:library-version=3").value().library_version, "3.0");
}

TEST(uri, shows_paths_as_they_are_written) {
  EXPECT_EQ(uri::parse("pkcs11:token=a?module-path=/usr/lib/m%20x.so&pin-source=file:/run/pin").value().to_string(),
            "pkcs11:token=a?module-path=/usr/lib/m%20x.so&pin-source=file:/run/pin");
}

TEST(uri, begins_with_its_scheme_in_any_case) { EXPECT_EQ(uri::parse("PKCS11:token=web").value().token, "web"); }

TEST(uri, reads_an_id_as_hexadecimal_where_all_of_it_could_be) {
  const auto read = [](const std::string& text) {
    std::string hex;
    const auto meant = id_read_as_hexadecimal(*uri::parse("pkcs11:id=" + text).value().id);
    if (!meant) return std::string("-");
    for (const auto b : *meant) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto value = std::to_integer<unsigned>(b);
      hex += {digits[value >> 4], digits[value & 15]};
    }
    return hex;
  };
  EXPECT_EQ(read("85"), "85");
  EXPECT_EQ(read("%858e87"), "858e87");
  EXPECT_EQ(read("01AbCd"), "01abcd");
  EXPECT_EQ(read("%85"), "-");
  EXPECT_EQ(read("site"), "-");
  EXPECT_EQ(read(""), "-");
}

}  // namespace
}  // namespace sluice::pkcs11
