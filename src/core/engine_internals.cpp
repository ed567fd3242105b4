// SPDX-License-Identifier: Apache-2.0
#include "core/engine_internals.hpp"

#include <array>
#include <cstddef>

extern "C" {
struct s2n_stuffer;
int s2n_stuffer_growable_alloc(s2n_stuffer* stuffer, uint32_t size);
int s2n_stuffer_write_bytes(s2n_stuffer* stuffer, const uint8_t* data, uint32_t size);
int s2n_stuffer_free(s2n_stuffer* stuffer);
int s2n_extensions_client_supported_versions_recv(s2n_connection* connection, s2n_stuffer* extension);
}

namespace sluice {
inline namespace v0 {
namespace internal {

bool settle_client_version(s2n_connection* connection, std::uint8_t version) noexcept {
  // An s2n_stuffer is some 48 bytes, and valid when all are zero.
  alignas(std::max_align_t) std::array<std::byte, 512> room{};
  auto* extension = reinterpret_cast<s2n_stuffer*>(room.data());
  const std::array<std::uint8_t, 3> list = {2, static_cast<std::uint8_t>(version / 10),
                                            static_cast<std::uint8_t>(version % 10)};
  const auto size = static_cast<uint32_t>(list.size());
  if (s2n_stuffer_growable_alloc(extension, size) != S2N_SUCCESS) return false;
  const bool done = s2n_stuffer_write_bytes(extension, list.data(), size) == S2N_SUCCESS &&
                    s2n_extensions_client_supported_versions_recv(connection, extension) == S2N_SUCCESS;
  s2n_stuffer_free(extension);
  return done;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
