// SPDX-License-Identifier: Apache-2.0
// A pool on simulated time, and who asks it for signatures.
#pragma once

#include "pkcs11/pool.hpp"
#include "support/simulated_module.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace sluice::test {

class simulated_pool {
 public:
  using duration = pkcs11::runtime::duration;
  using time_point = pkcs11::runtime::time_point;
  struct answer {
    int times = 0;
    std::optional<failure> error;
    time_point at{};
    bool is_good() const { return times > 0 && !error; }
  };

  simulated_pool(simulated_runtime& world, simulated_module& module, const pkcs11::pool_options& options = {},
                 pkcs11::initialization mode = pkcs11::initialization::sole_user, std::size_t token = 0);

  // Asks for one signature; the answer comes later.
  std::shared_ptr<const answer> ask(duration timeout = std::chrono::seconds(10),
                                    signature_scheme scheme = signature_scheme::ecdsa_secp256r1_sha256);
  // Asks and waits.
  answer sign(duration timeout = std::chrono::seconds(10));
  const pkcs11::token_pool& pool() const { return *pool_; }
  pkcs11::token_stats stats() const { return pool_->stats(); }
  time_point last_good() const noexcept { return last_good_; }
  const std::vector<std::shared_ptr<answer>>& asked() const noexcept { return asked_; }
  void close() { pool_.reset(); }

 private:
  simulated_runtime& world_;
  std::shared_ptr<pkcs11::key_record> record_ = std::make_shared<pkcs11::key_record>();
  std::vector<std::shared_ptr<answer>> asked_;
  time_point last_good_{};
  std::shared_ptr<pkcs11::token_pool> pool_;
};

}  // namespace sluice::test
