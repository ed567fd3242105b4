// SPDX-License-Identifier: Apache-2.0
// A throwaway certificate authority: roots, intermediates and leaves for demos, tests and development.
#pragma once

#include "sluice/pkcs11/token.hpp"
#include "sluice/private_key.hpp"
#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit {

// A private key in memory, with its PEM.
class local_key {
 public:
  // "ec256", "ec384", "ec521", "rsa2048", "rsa3072", "rsa4096", "rsa1024", "rsa8192", "ed25519".
  static result<local_key> generate(std::string_view type);
  static result<local_key> from_pem(std::string_view pem, std::string_view password = {});
  EVP_PKEY* get() const noexcept { return key_.get(); }
  std::string pem() const;                      // PKCS#8
  std::vector<std::byte> public_key() const;    // SubjectPublicKeyInfo
  result<pkcs11::key_numbers> numbers() const;  // to put it into a token

 private:
  bssl::UniquePtr<EVP_PKEY> key_;
};

struct leaf_options {
  std::string common_name;         // empty: no subject at all
  std::vector<std::string> names;  // "example.org", "*.example.org", "127.0.0.1", "URI:spiffe://…"
  std::chrono::hours validity = std::chrono::hours(24 * 30);
  std::chrono::hours age = std::chrono::hours(1);            // not_before is this long ago; negative: in the future
  std::string extended_key_usage = "serverAuth,clientAuth";  // empty: none
  std::string digest = "sha256";                             // sha1, sha256, sha384, sha512
  bool is_authority = false;
  int path_length = -1;
  std::string name_constraints;            // "permitted;DNS:example.org"
  std::string policies;                    // an OID
  std::string authority_information;       // "caIssuers;URI:http://…"
  std::string certificate_authority_name;  // for authorities: the subject's organisation
  bool must_staple = false;                // RFC 7633: good only with a stapled OCSP response
};

struct issued {
  std::string certificate;  // PEM
  std::string chain;        // the certificate, then intermediates, without the root
  std::string key;          // PEM; empty when the key is somewhere else
};

class authority {
 public:
  static result<authority> make_root(const std::string& name, std::string_view key_type = "ec256",
                                     leaf_options options = {});
  static result<authority> from_pem(std::string_view certificate, std::string_view key);

  result<authority> make_intermediate(const std::string& name, std::string_view key_type = "ec256",
                                      leaf_options options = {}) const;
  result<issued> issue(const leaf_options& options, std::string_view key_type = "ec256") const;
  result<issued> issue_for(std::span<const std::byte> public_key, const leaf_options& options) const;

  const std::string& certificate() const noexcept { return pem_; }
  std::string key() const { return key_.pem(); }
  // What goes after a leaf: this authority and those above it, without the root.
  const std::string& chain() const noexcept { return chain_; }
  X509* x509() const noexcept { return x509_.get(); }
  const local_key& signer() const noexcept { return key_; }

 private:
  local_key key_;
  std::shared_ptr<X509> x509_;
  std::string pem_, chain_;
  bool is_root_ = true;
};

// A self-signed certificate that is not an authority.
result<issued> self_signed(const leaf_options& options, std::string_view key_type = "ec256");

}  // namespace sluice::testkit
