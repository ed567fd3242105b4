// SPDX-License-Identifier: Apache-2.0
// TLS records put together by hand: what no TLS library would send.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testkit::peers {

std::string number(std::size_t value, int bytes);                           // big endian
std::string record(int type, std::string_view body, int version = 0x0303);  // in several when it is long
std::string handshake_message(int type, std::string_view body);
std::string alert(int description, int level = 2);

struct hello_choice {
  int version = 0x0303;    // legacy_version
  int cipher = 0xc02b;     // TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
  std::string random_end;  // the last bytes of the random
  std::string extensions;  // with their headers, without the length of all
};
std::string server_hello(const hello_choice& choice);

struct client_hello_choice {
  int version = 0x0303;
  std::vector<int> ciphers = {0xc02b, 0xc02f};  // ECDHE with AES-128-GCM
  std::vector<int> groups = {23, 24};           // P-256, P-384
  std::vector<int> signatures = {0x0403, 0x0804, 0x0401};
  std::string compressions = std::string(1, '\0');
};
std::string client_hello(const client_hello_choice& choice);
// The Certificate message of TLS 1.2.
std::string certificate_message(const std::vector<std::string>& ders);

// The DER of each certificate in a PEM text, in that order.
std::vector<std::string> ders_of(const std::string& pem);

// A record of TLS_AES_128_GCM_SHA256 under a traffic secret of TLS 1.3.
std::string sealed_record(std::span<const std::uint8_t> secret, std::uint64_t sequence, int type,
                          std::string_view body);
// The secret after a KeyUpdate (RFC 8446 §7.2).
std::vector<std::uint8_t> next_secret(std::span<const std::uint8_t> secret);

}  // namespace sluice::testkit::peers
