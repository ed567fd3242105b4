// SPDX-License-Identifier: Apache-2.0
// The functions s2n calls. None lets an exception out: there are C frames above.
#pragma once

#include <s2n.h>
#include <unstable/crl.h>
#include <unstable/events.h>

#include <cstddef>
#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace internal {

extern "C" {
// Of a connection: `io` is its impl.
int on_receive(void* io, uint8_t* into, uint32_t size) noexcept;
int on_send(void* io, const uint8_t* from, uint32_t size) noexcept;
uint8_t on_verify_host(const char* name, size_t size, void* unused) noexcept;

// Of a context: `ctx` is its state.
int on_client_hello(s2n_connection* connection, void* ctx) noexcept;
int on_private_key_needed(s2n_connection* connection, s2n_async_pkey_op* op) noexcept;
int on_chain_validated(s2n_connection* connection, s2n_cert_validation_info* info, void* ctx) noexcept;
int on_wall_clock(void* ctx, uint64_t* nanoseconds) noexcept;
int on_monotonic_clock(void* ctx, uint64_t* nanoseconds) noexcept;
int on_session_ticket(s2n_connection* connection, void* ctx, s2n_session_ticket* ticket) noexcept;
void on_checkpoint(s2n_connection* connection, void* unused, s2n_timing_checkpoint* checkpoint) noexcept;
int on_key_log(void* ctx, s2n_connection* connection, uint8_t* line, size_t size) noexcept;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
