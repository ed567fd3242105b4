// SPDX-License-Identifier: Apache-2.0
// The secrets of TLS 1.3, for those beside s2n who open or seal a record: taken from s2n as bytes when it has them. The
// key log, which is text, is asked for only where the application wants it.
#include "core/callbacks.hpp"
#include "core/connection_impl.hpp"
#include "core/engine_internals.hpp"

namespace sluice {
inline namespace v0 {

using internal::secret_of;
using internal::secret_stage;

// s2n wipes the handshake's secrets when it is done, which a client is in the call in which it gets them: so this is
// called after EncryptedExtensions too, the first message under them, and otherwise when a call returns.
void connection::impl::take_secrets() noexcept {
  if (s2n_connection_get_actual_protocol_version(conn.get()) < S2N_TLS13) return;
  if (tap) {
    for (const auto at : {secret_stage::early, secret_stage::handshake, secret_stage::application}) {
      for (const auto sender : {role::client, role::server}) {
        if (tap->lacks_secret(at, sender)) tap->saw_secret(at, sender, secret_of(conn.get(), at, sender));
      }
    }
  }
  if (handshake.is_negotiated || output.alerts.knows_keys()) return;
  const auto of_client = secret_of(conn.get(), secret_stage::handshake, role::client);
  if (of_client.empty()) return;
  const bool is_client = side == role::client;
  output.alerts.has_keys(is_client ? of_client : internal::traffic_secret());
  if (!is_client && !watches_flight() && !handshake.recorder) return;
  const auto of_server = secret_of(conn.get(), secret_stage::handshake, role::server);
  if (watches_flight()) handshake.flight.saw_secret(is_client ? of_server : of_client);
  if (handshake.recorder) handshake.recorder->saw_secrets(of_client, of_server);
}

// While our signature is made. A client is asked for one when the server has finished, and speaks under its last key; a
// server, when the client has no more than the handshake's.
internal::traffic_secret connection::impl::secret_of_alerts() const noexcept {
  return side == role::client ? secret_of(conn.get(), secret_stage::application, role::server)
                              : secret_of(conn.get(), secret_stage::handshake, role::client);
}

namespace internal {

extern "C" void on_checkpoint(s2n_connection* connection, void*, s2n_timing_checkpoint* checkpoint) noexcept {
  auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
  const std::string_view name = checkpoint->name;
  // The others are no messages: RECORD_READ, RECORD_WRITE, NEGOTIATE_START, NEGOTIATE_END.
  if (c == nullptr || name.starts_with("RECORD_") || name.starts_with("NEGOTIATE_")) return;
  c->handshake.made_message = name;
  if (c->side == role::client && name == "ENCRYPTED_EXTENSIONS") c->take_secrets();
}

extern "C" int on_key_log(void* ctx, s2n_connection*, uint8_t* line, size_t size) noexcept {
  try {
    static_cast<context::state*>(ctx)->key_log({reinterpret_cast<const char*>(line), size});
    return S2N_SUCCESS;
  } catch (...) {
    return S2N_FAILURE;  // which s2n passes over: the connection goes on
  }
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
