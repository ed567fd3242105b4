// SPDX-License-Identifier: Apache-2.0
#include "support/signer.hpp"

#include "testkit/authority/keys.hpp"
#include "support/certs.hpp"

#include <openssl/rsa.h>

#include <stdexcept>

namespace sluice::test {

signer::signer(std::string_view pem, behaviour how)
    : key_(testkit::local_key::from_pem(pem).value()), how_(std::move(how)) {}

void signer::start(const sign_request& request, signature_promise promise) {
  {
    const std::lock_guard lock(gate_);
    requests_.push_back(request);
  }
  if (how_) return how_(*this, request, std::move(promise));
  promise.set(sign(request));
}

std::optional<std::vector<std::byte>> signer::public_key() const {
  if (!tells_public_key) return std::nullopt;
  return key_.public_key();
}

std::vector<std::byte> signer::sign(const sign_request& request) const {
  const bssl::UniquePtr<EVP_PKEY_CTX> ctx(EVP_PKEY_CTX_new(key_.get(), nullptr));
  const bool is_pss = kind_of(request.scheme) == signature_kind::rsa_pss;
  std::size_t size = static_cast<std::size_t>(EVP_PKEY_size(key_.get())) + 16;
  std::vector<std::byte> signature(size);
  const bool done = EVP_PKEY_sign_init(ctx.get()) == 1 &&
                    EVP_PKEY_CTX_set_signature_md(ctx.get(), testkit::md_of(digest_of(request.scheme))) == 1 &&
                    (!is_pss || (EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
                                 EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx.get(), -1) == 1)) &&
                    EVP_PKEY_sign(ctx.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                                  reinterpret_cast<const uint8_t*>(request.digest().data()), request.input_size) == 1;
  if (!done) throw std::runtime_error("the test's signer cannot sign");
  signature.resize(size);
  return signature;
}

std::vector<sign_request> signer::requests() const {
  const std::lock_guard lock(gate_);
  return requests_;
}

struct held_request::shared {
  std::mutex gate;
  bool arrived = false;
  sign_request request;
  signature_promise promise;
};

std::shared_ptr<held_request::shared> held_request::make() { return std::make_shared<shared>(); }

signer::behaviour held_request::behaviour() {
  return [s = shared_](const signer&, const sign_request& request, signature_promise promise) {
    const std::lock_guard lock(s->gate);
    s->arrived = true;
    s->request = request;
    s->promise = std::move(promise);
  };
}

bool held_request::has_arrived() const {
  const std::lock_guard lock(shared_->gate);
  return shared_->arrived;
}

sign_request held_request::request() const {
  const std::lock_guard lock(shared_->gate);
  return shared_->request;
}

signature_promise held_request::take() {
  const std::lock_guard lock(shared_->gate);
  return std::move(shared_->promise);
}

signer_identity signer_site(const std::string& key_type, signer::behaviour how) {
  const auto& s = site(key_type);
  return {std::make_shared<signer>(s.key, std::move(how)), s.chain};
}

}  // namespace sluice::test
