// SPDX-License-Identifier: Apache-2.0
// Numbers that stand on the wire, by the names of their RFCs. A header without dependencies, for the tool as well.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {
inline namespace v0 {
namespace internal::wire {

// A record's header is its type, a version and its length; a message's its type and its length.
constexpr std::size_t record_header_size = 5, message_header_size = 4;

enum record_type : std::uint8_t {  // RFC 8446 §5.1
  record_change_cipher_spec = 20,
  record_alert = 21,
  record_handshake = 22,
  record_application_data = 23,
  record_heartbeat = 24,  // RFC 6520; the last of the types
};

enum message_type : std::uint8_t {  // RFC 8446 §4, RFC 5246 §7.4
  message_hello_request = 0,
  message_client_hello = 1,
  message_server_hello = 2,
  message_new_session_ticket = 4,
  message_end_of_early_data = 5,
  message_encrypted_extensions = 8,
  message_certificate = 11,
  message_server_key_exchange = 12,
  message_certificate_request = 13,
  message_server_hello_done = 14,
  message_certificate_verify = 15,
  message_client_key_exchange = 16,
  message_finished = 20,
  message_certificate_status = 22,
  message_key_update = 24,
};

constexpr std::uint16_t version_tls12 = 0x0303, version_tls13 = 0x0304;

enum alert_level : std::uint8_t { warning = 1, fatal = 2 };

enum alert : std::uint8_t {  // RFC 8446 §6.2, RFC 5246 §7.2.2
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  handshake_failure = 40,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  illegal_parameter = 47,
  unknown_ca = 48,
  access_denied = 49,
  decode_error = 50,
  decrypt_error = 51,
  protocol_version = 70,
  insufficient_security = 71,
  internal_error = 80,
  inappropriate_fallback = 86,
  user_canceled = 90,
  missing_extension = 109,
  unsupported_extension = 110,
  bad_certificate_status_response = 113,
  certificate_required = 116,
  no_application_protocol = 120,
};

enum extension : std::uint16_t {  // RFC 8446 §4.2
  ext_server_name = 0,
  ext_max_fragment_length = 1,
  ext_status_request = 5,
  ext_supported_groups = 10,
  ext_signature_algorithms = 13,
  ext_use_srtp = 14,
  ext_heartbeat = 15,
  ext_alpn = 16,
  ext_certificate_timestamp = 18,
  ext_client_certificate_type = 19,
  ext_server_certificate_type = 20,
  ext_record_size_limit = 28,
  ext_pre_shared_key = 41,
  ext_early_data = 42,
  ext_supported_versions = 43,
  ext_cookie = 44,
  ext_psk_modes = 45,
  ext_certificate_authorities = 47,
  ext_oid_filters = 48,
  ext_signature_algorithms_cert = 50,
  ext_key_share = 51,
  ext_renegotiation_info = 0xff01,
};

}  // namespace internal::wire
}  // namespace v0
}  // namespace sluice
