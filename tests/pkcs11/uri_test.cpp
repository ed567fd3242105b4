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
  EXPECT_EQ(u.error().detail, "it has an attribute that RFC 7512 does not know");
}

TEST(uri, an_error_does_not_show_the_pin) {
  const auto u = uri::parse("pkcs11:tokn=web?pin-value=secret");
  ASSERT_FALSE(u);
  EXPECT_EQ(u.error().message().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace sluice::pkcs11
