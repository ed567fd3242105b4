// SPDX-License-Identifier: Apache-2.0
// What a key holds, and how one signature becomes a token's work.
#pragma once

#include "pkcs11/pool.hpp"
#include "sluice/pkcs11/key.hpp"

#include <sys/types.h>

#include <optional>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// It does not change once open_key() has returned the key, so that any thread may use it without a lock; the pool has
// its own.
struct key::state {
  std::shared_ptr<library> lib;  // how this key's module was to be initialised; the pool may be another's
  std::shared_ptr<token_pool> pool;
  std::shared_ptr<key_record> record;
  std::chrono::milliseconds timeout{};
  pid_t owner = 0;
};

std::optional<failure> refuse_after_fork(const key::state& k);
job make_sign_job(const key::state& k, const sign_request& request);  // without `done`
result<der::bytes> signature_of(result<der::bytes> outcome);  // of such a job: its failures are of phase::signing

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
