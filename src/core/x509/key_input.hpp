// SPDX-License-Identifier: Apache-2.0
// A certificate chain and a private key out of files or texts, in whichever form they come.
#pragma once

#include "core/x509/pem.hpp"
#include "sluice/certificate.hpp"
#include "sluice/password.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// Views of the caller's texts, for the length of the call.
struct input {
  std::string_view bytes;
  std::string where;  // what errors call it: a file's name
};

enum class accepted_forms { pem, all };

struct chain_and_key {
  std::vector<certificate> chain;
  pem_object key;  // not encrypted
};

// One PKCS#12 file given for both is opened once. Whether the two belong together is not looked at.
result<chain_and_key> read_chain_and_key(const input& chain, const input& key, accepted_forms forms,
                                         const password_source& password);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
