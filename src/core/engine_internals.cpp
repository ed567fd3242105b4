// SPDX-License-Identifier: Apache-2.0
#include "core/engine_internals.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

extern "C" {
struct s2n_blob;
struct s2n_result {
  int signal;
};
enum s2n_extract_secret_type { none_extracted, early_secret, handshake_secret, master_secret };
int s2n_connection_get_config(s2n_connection* connection, s2n_config** config);
int s2n_blob_init(s2n_blob* blob, uint8_t* data, uint32_t size);
s2n_result s2n_tls13_secrets_get(s2n_connection* connection, s2n_extract_secret_type type, s2n_mode mode,
                                 s2n_blob* secret);

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

s2n_config* configuration_of(s2n_connection* connection) noexcept {
  s2n_config* found = nullptr;
  return s2n_connection_get_config(connection, &found) == S2N_SUCCESS ? found : nullptr;
}

traffic_secret secret_of(s2n_connection* connection, secret_stage at, role sender) noexcept {
  constexpr std::array types = {early_secret, handshake_secret, master_secret};
  // There are no others (s2n has no method for a server's early secret).
  if (at == secret_stage::early && sender == role::server) return {};
  uint8_t first = 0;
  uint8_t second = 0;
  // An s2n_blob is some 24 bytes. What s2n writes is as long as the suite's hash, at most 48 bytes.
  alignas(std::max_align_t) std::array<std::byte, 128> room{};
  auto* blob = reinterpret_cast<s2n_blob*>(room.data());
  std::array<std::byte, traffic_secret::max_size> bytes{};
  const bool is_there = s2n_connection_get_actual_protocol_version(connection) >= S2N_TLS13 &&
                        s2n_connection_get_cipher_iana_value(connection, &first, &second) == S2N_SUCCESS &&
                        s2n_blob_init(blob, reinterpret_cast<uint8_t*>(bytes.data()),
                                      static_cast<uint32_t>(bytes.size())) == S2N_SUCCESS &&
                        s2n_tls13_secrets_get(connection, types[static_cast<std::size_t>(at)],
                                              sender == role::server ? S2N_SERVER : S2N_CLIENT, blob)
                                .signal == S2N_SUCCESS;
  // TLS_AES_256_GCM_SHA384 is the only suite of TLS 1.3 with another hash than SHA-256.
  const std::size_t size = first == 0x13 && second == 0x02 ? 48 : 32;
  // One that was never derived is zero: a client's early secret, where it has a session and sends nothing early.
  const bool is_made = is_there && std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{}; });
  const auto made = is_made ? traffic_secret(std::span<const std::byte>(bytes).first(size)) : traffic_secret();
  wipe(bytes);
  return made;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
