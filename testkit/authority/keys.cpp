// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/keys.hpp"

#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <charconv>

namespace sluice::testkit {
namespace {

using bytes = std::vector<std::byte>;

bytes number(const BIGNUM* n, std::size_t width = 0) {
  bytes made(std::max<std::size_t>(width, BN_num_bytes(n)));
  BN_bn2bin_padded(reinterpret_cast<uint8_t*>(made.data()), made.size(), n);
  return made;
}

int curve_of(std::string_view type) {
  if (type == "ec256") return NID_X9_62_prime256v1;
  if (type == "ec384") return NID_secp384r1;
  if (type == "ec521") return NID_secp521r1;
  return NID_undef;
}

bssl::UniquePtr<EVP_PKEY> generate_ec(int curve) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
  if (!ec || EC_KEY_generate_key(ec.get()) != 1 || EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) != 1) return nullptr;
  return key;
}

bssl::UniquePtr<EVP_PKEY> generate_rsa(int bits) {
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  if (BN_set_word(exponent.get(), RSA_F4) != 1 || RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr) != 1 ||
      EVP_PKEY_set1_RSA(key.get(), rsa.get()) != 1) {
    return nullptr;
  }
  return key;
}

bssl::UniquePtr<EVP_PKEY> generate_ed25519() {
  const bssl::UniquePtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_keygen_init(ctx.get()) != 1 || EVP_PKEY_keygen(ctx.get(), &key) != 1) return nullptr;
  return bssl::UniquePtr<EVP_PKEY>(key);
}

}  // namespace

failure crypto_failure(std::string where) {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  if (code != 0) ERR_error_string_n(code, text.data(), text.size());
  ERR_clear_error();
  failure error;
  error.code = make_error_code(errc::internal);
  error.where = std::move(where);
  error.detail = text.data();
  return error;
}

failure unfit(errc cause, std::string where, std::string detail, std::string remedy) {
  ERR_clear_error();
  failure error;
  error.code = make_error_code(cause);
  error.where = std::move(where);
  error.detail = std::move(detail);
  error.remedy = std::move(remedy);
  return error;
}

const EVP_MD* digest_for(const EVP_PKEY* key, std::string_view name) {
  if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) return nullptr;
  if (name == "sha1") return EVP_sha1();
  if (name == "sha384") return EVP_sha384();
  if (name == "sha512") return EVP_sha512();
  return EVP_sha256();
}

bssl::UniquePtr<EVP_PKEY> parse_public_key(std::span<const std::byte> spki) {
  CBS cbs;
  CBS_init(&cbs, reinterpret_cast<const uint8_t*>(spki.data()), spki.size());
  return bssl::UniquePtr<EVP_PKEY>(EVP_parse_public_key(&cbs));
}

result<local_key> local_key::generate(std::string_view type) {
  local_key made;
  if (const int curve = curve_of(type); curve != NID_undef) made.key_ = generate_ec(curve);
  if (type.starts_with("rsa")) {
    int bits = 0;
    std::from_chars(type.data() + 3, type.data() + type.size(), bits);
    made.key_ = generate_rsa(bits);
  }
  if (type == "ed25519") made.key_ = generate_ed25519();
  if (!made.key_) return crypto_failure("key of type " + std::string(type));
  return made;
}

result<local_key> local_key::from_pem(std::string_view pem, std::string_view password) {
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::string text(password);
  local_key made;
  made.key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, text.data()));
  OPENSSL_cleanse(text.data(), text.size());
  if (!made.key_) {
    return unfit(errc::no_private_key, "private key", "no key in PEM that can be read with that password",
                 "write it anew with `openssl pkey`");
  }
  return made;
}

std::string local_key::pem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const uint8_t* data = nullptr;
  std::size_t size = 0;
  BIO_mem_contents(bio.get(), &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

bytes local_key::public_key() const {
  bssl::ScopedCBB cbb;
  uint8_t* der = nullptr;
  std::size_t size = 0;
  if (CBB_init(cbb.get(), 256) != 1 || EVP_marshal_public_key(cbb.get(), key_.get()) != 1 ||
      CBB_finish(cbb.get(), &der, &size) != 1) {
    return {};
  }
  const bssl::UniquePtr<uint8_t> owned(der);
  const auto* first = reinterpret_cast<const std::byte*>(der);
  return {first, first + size};
}

result<pkcs11::key_numbers> local_key::numbers() const {
  pkcs11::key_numbers k;
  if (const RSA* rsa = EVP_PKEY_get0_RSA(key_.get())) {
    k.is_rsa = true;
    const BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qinv;
    RSA_get0_key(rsa, &n, &e, &d);
    RSA_get0_factors(rsa, &p, &q);
    RSA_get0_crt_params(rsa, &dp, &dq, &qinv);
    k.n = number(n), k.e = number(e), k.d = number(d), k.p = number(p), k.q = number(q);
    k.dp = number(dp), k.dq = number(dq), k.qinv = number(qinv);
    return k;
  }
  const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key_.get());
  if (ec == nullptr) return crypto_failure("the key is neither RSA nor EC");
  const EC_GROUP* group = EC_KEY_get0_group(ec);
  bssl::ScopedCBB cbb;
  uint8_t* der = nullptr;
  std::size_t size = 0;
  if (CBB_init(cbb.get(), 32) != 1 || EC_KEY_marshal_curve_name(cbb.get(), group) != 1 ||
      CBB_finish(cbb.get(), &der, &size) != 1) {
    return crypto_failure("curve");
  }
  const bssl::UniquePtr<uint8_t> owned(der);
  const auto* first = reinterpret_cast<const std::byte*>(der);
  k.ec_parameters = bytes(first, first + size);
  k.ec_value = number(EC_KEY_get0_private_key(ec), BN_num_bytes(EC_GROUP_get0_order(group)));
  k.ec_point.resize(
      EC_POINT_point2oct(group, EC_KEY_get0_public_key(ec), POINT_CONVERSION_UNCOMPRESSED, nullptr, 0, nullptr));
  EC_POINT_point2oct(group, EC_KEY_get0_public_key(ec), POINT_CONVERSION_UNCOMPRESSED,
                     reinterpret_cast<uint8_t*>(k.ec_point.data()), k.ec_point.size(), nullptr);
  return k;
}

}  // namespace sluice::testkit
