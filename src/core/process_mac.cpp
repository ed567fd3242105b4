// SPDX-License-Identifier: Apache-2.0
#include "core/process_mac.hpp"

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cstddef>
#include <new>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

std::array<std::uint8_t, 32> drawn() {
  std::array<std::uint8_t, 32> key{};
  RAND_bytes(key.data(), key.size());
  return key;
}

}  // namespace

std::array<std::uint8_t, 32> process_mac(std::string_view context, std::string_view secret) {
  static const auto key = drawn();
  std::array<std::uint8_t, 32> made{};
  const auto raw = [](std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); };
  const std::uint8_t end_of_context = 0;
  HMAC_CTX state;
  HMAC_CTX_init(&state);
  const bool is_done =
      HMAC_Init_ex(&state, key.data(), key.size(), EVP_sha256(), nullptr) == 1 &&
      HMAC_Update(&state, raw(context), context.size()) == 1 && HMAC_Update(&state, &end_of_context, 1) == 1 &&
      HMAC_Update(&state, raw(secret), secret.size()) == 1 && HMAC_Final(&state, made.data(), nullptr) == 1;
  HMAC_CTX_cleanup(&state);
  if (!is_done) throw std::bad_alloc();
  return made;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
