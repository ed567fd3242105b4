// SPDX-License-Identifier: Apache-2.0
// What an identity holds, for the core's own use.
#pragma once

#include "core/access.hpp"
#include "core/base/handles.hpp"
#include "core/library_state.hpp"
#include "sluice/identity.hpp"

namespace sluice {
inline namespace v0 {

struct identity::state {
  internal::library_user user;
  std::vector<certificate> chain;
  std::shared_ptr<private_key> key;  // null: s2n holds it
  std::string chain_pem;
  secret key_pem;                 // empty with a key that signs for itself
  internal::chain_handle handle;  // its ctx points back here
};

}  // namespace v0
}  // namespace sluice
