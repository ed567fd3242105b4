// SPDX-License-Identifier: Apache-2.0
// The DER that tokens leave to their callers, byte for byte.
#include "pkcs11/der.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::pkcs11 {
namespace {

der::bytes from_hex(const std::string& text) {
  der::bytes made;
  for (std::size_t i = 0; i < text.size(); i += 2) made.push_back(std::byte(std::stoi(text.substr(i, 2), nullptr, 16)));
  return made;
}

std::string to_hex(der::view bytes) {
  std::string text;
  for (const auto b : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(b));
    text += two;
  }
  return text;
}

// The eight vectors of the reference stack's asn1_bigint test.
TEST(der, integers_are_minimal_and_never_negative) {
  struct vector {
    const char* number;
    const char* encoded;
  };
  for (const auto& v :
       {vector{"", "020100"}, vector{"00", "020100"}, vector{"0000000000000000", "020100"}, vector{"01", "020101"},
        vector{"12345678", "020412345678"}, vector{"82345678", "02050082345678"}, vector{"00845678", "020400845678"},
        vector{"0000345678", "0203345678"}}) {
    EXPECT_EQ(to_hex(der::integer(from_hex(v.number))), v.encoded) << v.number;
  }
}

TEST(der, a_signature_is_a_sequence_of_two_integers) {
  const auto r = "00000000000000000000000000000000000000000000000000000000000000ff";
  const auto s = "8000000000000000000000000000000000000000000000000000000000000001";
  const auto made = der::ecdsa_signature(from_hex(std::string(r) + s));
  ASSERT_TRUE(made);
  EXPECT_EQ(to_hex(*made), std::string("3027") + "020200ff" + "022100" + s);
}

TEST(der, a_p521_signature_takes_the_long_form) {
  const auto made = der::ecdsa_signature(der::bytes(132, std::byte{0x01}));
  ASSERT_TRUE(made);
  EXPECT_EQ(to_hex(der::view(*made).first(6)), "308188024201");
  EXPECT_EQ(made->size(), 3u + 136u);
}

TEST(der, an_odd_or_empty_signature_is_none) {
  EXPECT_FALSE(der::ecdsa_signature({}));
  EXPECT_FALSE(der::ecdsa_signature(der::bytes(63)));
}

// RFC 8017 §9.2, note 1.
TEST(der, digest_info_has_the_prefixes_of_rfc_8017) {
  struct vector {
    digest_kind kind;
    const char* prefix;
  };
  for (const auto& v : {vector{digest_kind::sha1, "3021300906052b0e03021a05000414"},
                        vector{digest_kind::sha224, "302d300d06096086480165030402040500041c"},
                        vector{digest_kind::sha256, "3031300d060960864801650304020105000420"},
                        vector{digest_kind::sha384, "3041300d060960864801650304020205000430"},
                        vector{digest_kind::sha512, "3051300d060960864801650304020305000440"}}) {
    const der::bytes digest(digest_size(v.kind), std::byte{0xab});
    EXPECT_EQ(to_hex(der::digest_info(v.kind, digest)), v.prefix + to_hex(digest));
  }
  const der::bytes md5_sha1(36, std::byte{0xcd});
  EXPECT_EQ(der::digest_info(digest_kind::md5_sha1, md5_sha1), md5_sha1);
}

TEST(der, a_point_is_taken_wrapped_or_bare) {
  const auto curve = from_hex("06082a8648ce3d030107");
  der::bytes bare(65, std::byte{0x3f});  // a second byte that could be mistaken for a length
  bare[0] = std::byte{4};
  EXPECT_EQ(der::ec_points(bare), (std::vector<der::bytes>{bare}));
  EXPECT_EQ(der::ec_points(der::octet_string(bare)).front(), bare);
  der::bytes large(133, std::byte{0x04});
  EXPECT_EQ(der::ec_points(large), (std::vector<der::bytes>{large}));
  EXPECT_EQ(der::ec_points(der::octet_string(large)).front(), large);
  // X begins as the header of an OCTET STRING around the rest would: both are tried.
  bare[2] = std::byte{4};
  EXPECT_EQ(der::ec_points(bare).back(), bare);
  EXPECT_EQ(der::ec_points(bare).size(), 2u);
  EXPECT_NE(to_hex(der::ec_public_key(curve, bare)).find(to_hex(curve) + "034200" + to_hex(bare)), std::string::npos);
}

TEST(der, a_point_is_taken_as_a_bit_string_compressed_or_hybrid) {
  const der::bytes bits = from_hex("03420004" + std::string(128, 'a'));
  EXPECT_EQ(to_hex(der::ec_points(bits).front()), "04" + std::string(128, 'a'));
  const der::bytes compressed = from_hex("042102" + std::string(64, 'a'));
  EXPECT_EQ(to_hex(der::ec_points(compressed).front()), "02" + std::string(64, 'a'));
  const der::bytes hybrid = from_hex("044107" + std::string(128, 'a'));
  EXPECT_EQ(to_hex(der::ec_points(hybrid).front()), "04" + std::string(128, 'a'));
  EXPECT_TRUE(der::ec_points({}).empty());
  EXPECT_TRUE(der::ec_points(from_hex("ffff")).empty());
}

}  // namespace
}  // namespace sluice::pkcs11
