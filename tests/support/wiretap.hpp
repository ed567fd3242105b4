// SPDX-License-Identifier: Apache-2.0
// A hand on every record between two connections: to change what is in the clear, and what is sealed.
#pragma once

#include "support/pair.hpp"
#include "support/records.hpp"

#include <openssl/aead.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice::test {

// Header and body.
std::string record_bytes(std::uint8_t type, std::string_view body);

// What a record becomes on its way: itself, others, nothing.
using record_change = std::function<std::string(const tls_record& record)>;
inline std::string unchanged(const tls_record& record) { return record_bytes(record.type, record.body); }

// As pair::handshake(), with every record changed on its way, and read `chunk` bytes at a time. True: both established.
bool carry_handshake(pair& p, const record_change& to_client, const record_change& to_server = unchanged,
                     std::size_t chunk = all);
// The records that wait on a wire.
void change_records(wire& w, const record_change& change);

// The keys of one direction, of the suites with AES-128-GCM and SHA-256.
class lane_keys {
 public:
  // From a line of the key log; `server_random` for TLS 1.2.
  static lane_keys tls13(std::string_view line);
  static lane_keys tls12(std::string_view line, std::string_view server_random, bool is_clients);

  using edit = std::function<void(std::uint8_t& type, std::string& plain)>;
  // Opens the next record of this direction, and seals what `edit` has made of it under the same number.
  std::string change(const tls_record& record, const edit& edit);

 private:
  lane_keys(std::string_view key, std::string iv, bool is_tls13);
  bssl::UniquePtr<EVP_AEAD_CTX> ctx_;
  std::string iv_;
  bool is_tls13_;
  std::uint64_t number_ = 0;
};

// The lines of a key log, in order.
struct key_lines {
  std::shared_ptr<std::vector<std::string>> lines = std::make_shared<std::vector<std::string>>();
  key_log log() const {
    return [kept = lines](std::string_view line) { kept->emplace_back(line); };
  }
  // The line with that label; empty when there is none.
  std::string line(std::string_view label) const;
};

}  // namespace sluice::test
