// SPDX-License-Identifier: Apache-2.0
// A key of the application's own, which signs in memory or misbehaves as a test tells it to.
#pragma once

#include "testkit/authority/authority.hpp"
#include "sluice/private_key.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

class signer final : public private_key {
 public:
  using behaviour = std::function<void(const signer&, const sign_request&, signature_promise)>;

  // Answers at once, unless `how` says otherwise.
  explicit signer(std::string_view pem, behaviour how = {});

  void start(const sign_request& request, signature_promise promise) override;
  std::optional<std::vector<std::byte>> public_key() const override;
  std::string name() const override { return "test:signer"; }

  std::vector<std::byte> sign(const sign_request& request) const;
  std::vector<sign_request> requests() const;

  bool tells_public_key = true;

 private:
  testkit::local_key key_;
  behaviour how_;
  mutable std::mutex gate_;
  std::vector<sign_request> requests_;
};

// Keeps requests until the test answers them. One held at a time.
class held_request {
 public:
  signer::behaviour behaviour();
  bool has_arrived() const;
  sign_request request() const;
  signature_promise take();

 private:
  struct shared;
  std::shared_ptr<shared> shared_ = make();
  static std::shared_ptr<shared> make();
};

// An identity of certs.hpp's site, whose key is a signer.
struct signer_identity {
  std::shared_ptr<signer> key;
  std::string chain;
};
signer_identity signer_site(const std::string& key_type = "ec256", signer::behaviour how = {});

}  // namespace sluice::test
