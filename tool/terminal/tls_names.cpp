// SPDX-License-Identifier: Apache-2.0
#include "terminal/tls_names.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace sluice::tool {
namespace {

struct entry {
  std::uint16_t code;
  std::string_view name;
};

constexpr entry versions[] = {{0x0002, "SSLv2"},   {0x0300, "SSLv3"},   {0x0301, "TLSv1.0"},
                              {0x0302, "TLSv1.1"}, {0x0303, "TLSv1.2"}, {0x0304, "TLSv1.3"}};

// What clients of these years offer; the registry has hundreds.
constexpr entry suites[] = {
    {0x0004, "TLS_RSA_WITH_RC4_128_MD5"},
    {0x0005, "TLS_RSA_WITH_RC4_128_SHA"},
    {0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"},
    {0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"},
    {0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
    {0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"},
    {0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"},
    {0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
    {0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
    {0x0041, "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA"},
    {0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
    {0x0084, "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA"},
    {0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
    {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"},
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256"},
    {0x1305, "TLS_AES_128_CCM_8_SHA256"},
    {0x5600, "TLS_FALLBACK_SCSV"},
    {0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"},
    {0xc008, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
    {0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"},
    {0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"},
    {0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
    {0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"},
    {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
    {0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
    {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0xc09c, "TLS_RSA_WITH_AES_128_CCM"},
    {0xc09d, "TLS_RSA_WITH_AES_256_CCM"},
    {0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM"},
    {0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM"},
    {0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
    {0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
    {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
};

constexpr entry groups[] = {{0x0015, "secp224r1"},
                            {0x0016, "secp256k1"},
                            {0x0017, "secp256r1"},
                            {0x0018, "secp384r1"},
                            {0x0019, "secp521r1"},
                            {0x001a, "brainpoolP256r1"},
                            {0x001b, "brainpoolP384r1"},
                            {0x001c, "brainpoolP512r1"},
                            {0x001d, "x25519"},
                            {0x001e, "x448"},
                            {0x0100, "ffdhe2048"},
                            {0x0101, "ffdhe3072"},
                            {0x0102, "ffdhe4096"},
                            {0x0103, "ffdhe6144"},
                            {0x0104, "ffdhe8192"},
                            {0x0200, "MLKEM512"},
                            {0x0201, "MLKEM768"},
                            {0x0202, "MLKEM1024"},
                            {0x11eb, "SecP256r1MLKEM768"},
                            {0x11ec, "X25519MLKEM768"},
                            {0x11ed, "SecP384r1MLKEM1024"},
                            {0x6399, "X25519Kyber768Draft00"}};

constexpr entry schemes[] = {{0x0201, "rsa_pkcs1_sha1"},
                             {0x0203, "ecdsa_sha1"},
                             {0x0301, "rsa_pkcs1_sha224"},
                             {0x0303, "ecdsa_sha224"},
                             {0x0202, "dsa_sha1"},
                             {0x0401, "rsa_pkcs1_sha256"},
                             {0x0402, "dsa_sha256"},
                             {0x0403, "ecdsa_secp256r1_sha256"},
                             {0x0501, "rsa_pkcs1_sha384"},
                             {0x0502, "dsa_sha384"},
                             {0x0503, "ecdsa_secp384r1_sha384"},
                             {0x0601, "rsa_pkcs1_sha512"},
                             {0x0602, "dsa_sha512"},
                             {0x0603, "ecdsa_secp521r1_sha512"},
                             {0x0804, "rsa_pss_rsae_sha256"},
                             {0x0805, "rsa_pss_rsae_sha384"},
                             {0x0806, "rsa_pss_rsae_sha512"},
                             {0x0807, "ed25519"},
                             {0x0808, "ed448"},
                             {0x0809, "rsa_pss_pss_sha256"},
                             {0x080a, "rsa_pss_pss_sha384"},
                             {0x080b, "rsa_pss_pss_sha512"},
                             {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
                             {0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
                             {0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
                             {0x0904, "mldsa44"},
                             {0x0905, "mldsa65"},
                             {0x0906, "mldsa87"}};

constexpr entry extensions[] = {{0, "server_name"},
                                {1, "max_fragment_length"},
                                {5, "status_request"},
                                {10, "supported_groups"},
                                {11, "ec_point_formats"},
                                {13, "signature_algorithms"},
                                {14, "use_srtp"},
                                {15, "heartbeat"},
                                {16, "application_layer_protocol_negotiation"},
                                {17, "status_request_v2"},
                                {18, "signed_certificate_timestamp"},
                                {19, "client_certificate_type"},
                                {20, "server_certificate_type"},
                                {21, "padding"},
                                {22, "encrypt_then_mac"},
                                {23, "extended_master_secret"},
                                {27, "compress_certificate"},
                                {28, "record_size_limit"},
                                {34, "delegated_credential"},
                                {35, "session_ticket"},
                                {41, "pre_shared_key"},
                                {42, "early_data"},
                                {43, "supported_versions"},
                                {44, "cookie"},
                                {45, "psk_key_exchange_modes"},
                                {47, "certificate_authorities"},
                                {48, "oid_filters"},
                                {49, "post_handshake_auth"},
                                {50, "signature_algorithms_cert"},
                                {51, "key_share"},
                                {57, "quic_transport_parameters"},
                                {0x4469, "application_settings"},
                                {0x44cd, "application_settings"},
                                {0xfe0d, "encrypted_client_hello"},
                                {0xff01, "renegotiation_info"}};

constexpr entry handshake_types[] = {
    {0, "HelloRequest"},        {1, "ClientHello"},         {2, "ServerHello"},        {4, "NewSessionTicket"},
    {5, "EndOfEarlyData"},      {8, "EncryptedExtensions"}, {11, "Certificate"},       {12, "ServerKeyExchange"},
    {13, "CertificateRequest"}, {14, "ServerHelloDone"},    {15, "CertificateVerify"}, {16, "ClientKeyExchange"},
    {20, "Finished"},           {22, "CertificateStatus"},  {24, "KeyUpdate"},         {25, "CompressedCertificate"},
    {254, "MessageHash"}};

std::string_view name_in(std::span<const entry> table, std::uint16_t code) {
  const auto found = std::ranges::find(table, code, &entry::code);
  if (found != table.end()) return found->name;
  const bool is_grease = (code & 0x0f0f) == 0x0a0a && code >> 8 == (code & 0xff);
  return is_grease ? "GREASE" : "unknown";
}

}  // namespace

std::string_view version_name(std::uint16_t code) { return name_in(versions, code); }
std::string_view cipher_suite_name(std::uint16_t code) { return name_in(suites, code); }
std::string_view group_name(std::uint16_t code) { return name_in(groups, code); }
std::string_view signature_scheme_name(std::uint16_t code) { return name_in(schemes, code); }
std::string_view extension_name(std::uint16_t code) { return name_in(extensions, code); }
std::string_view handshake_type_name(std::uint8_t type) { return name_in(handshake_types, type); }

}  // namespace sluice::tool
