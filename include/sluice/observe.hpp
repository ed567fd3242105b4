// SPDX-License-Identifier: Apache-2.0
// What happens, for logs and metrics: one interface for events, and counters ready made.
#pragma once

#include "sluice/result.hpp"
#include "sluice/statistics.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::inline v0 {

struct connection_info;

// A handshake that ended. The pointers are valid during the call only.
struct handshake_event {
  bool is_server = false;
  const connection_info* info = nullptr;  // what was negotiated; null when it failed
  const failure* why = nullptr;           // null when it succeeded
  std::chrono::nanoseconds duration{};    // from the first call into the engine
  std::chrono::nanoseconds signing{};     // of it, spent waiting for a private key
  const connection_statistics* statistics = nullptr;  // never null
};

// A connection that is gone: destroyed, or reset for another peer. The pointers are valid during the call only.
struct closed_event {
  bool is_server = false;
  const connection_info* info = nullptr;  // what was negotiated; null when the handshake was not done
  const failure* why = nullptr;           // what ended it; null when nothing failed
  const connection_statistics* statistics = nullptr;  // the last word; never null
};

// A signature that a private key outside the engine was asked for.
struct signature_event {
  std::string_view key;  // private_key::name()
  const failure* why = nullptr;
  std::chrono::nanoseconds waited{};  // from the request to the answer
};

// A message of the TLS protocol itself, sent or received, as it is under the encryption. Application data is not one.
struct message_event {
  enum class kind : std::uint8_t { handshake, alert, change_cipher_spec, sealed };
  std::uint64_t connection = 0;  // which one, counted from 1 in this process
  kind what = kind::handshake;   // sealed: a record that could not be opened, in which anything may be
  bool is_server = false;        // we are
  bool is_sent = false;          // by us
  bool was_sealed = false;       // it travelled encrypted
  std::uint8_t type = 0;         // HandshakeType (RFC 8446 §4) or AlertDescription (§6.2); 255: an alert not opened
  // All of it, a handshake message's header of four bytes included. Valid during the call only. Empty for what was not
  // opened: TLS 1.2's Finished, and alerts after it.
  std::span<const std::byte> bytes;
  std::size_t size = 0;           // of the message; of the record where it was not opened
  std::chrono::nanoseconds at{};  // since the handshake began
};

// Derive and pass it in a context's options. Methods are called on the thread where the thing happened, must not
// throw, and must return soon: a handshake waits for them. One object may serve several contexts.
class observer {
 public:
  virtual ~observer() = default;
  virtual void on_handshake(const handshake_event&) noexcept {}
  virtual void on_signature(const signature_event&) noexcept {}
  virtual void on_failure(const failure&) noexcept {}  // of an established connection, once; a broken pipe at its end
  virtual void on_warning(std::string_view) noexcept {}
  // Once for each connection that had begun its handshake. `timings` lacks resolve and connect.
  virtual void on_closed(const closed_event&) noexcept {}
  // Asked once a connection, when it is made: is it to tell each message? That costs it a second decryption of all
  // that it sends and receives: for diagnosis.
  virtual bool wants_messages() const noexcept { return false; }
  // In the order they went by, as soon as there is a secret to open them with, before the call returns in which that
  // was so.
  virtual void on_message(const message_event&) noexcept {}
};

// Counts. Any thread; the totals only grow.
class counters final : public observer {
 public:
  struct snapshot_type {
    std::uint64_t handshakes = 0, handshakes_failed = 0, resumed = 0;
    std::uint64_t signatures = 0, signatures_failed = 0, signing_ns = 0;
    std::uint64_t connections_failed = 0, warnings = 0;
    std::uint64_t connections_closed = 0;
    traffic received, sent;  // by the connections closed
  };
  snapshot_type snapshot() const noexcept;

  void on_handshake(const handshake_event& event) noexcept override;
  void on_signature(const signature_event& event) noexcept override;
  void on_failure(const failure& why) noexcept override;
  void on_warning(std::string_view text) noexcept override;
  void on_closed(const closed_event& event) noexcept override;

 private:
  using counter = std::atomic<std::uint64_t>;
  counter handshakes_{0}, handshakes_failed_{0}, resumed_{0};
  counter signatures_{0}, signatures_failed_{0}, signing_ns_{0};
  counter connections_failed_{0}, warnings_{0}, connections_closed_{0};
  counter bytes_received_{0}, records_received_{0}, wire_bytes_received_{0};
  counter bytes_sent_{0}, records_sent_{0}, wire_bytes_sent_{0};
};

}  // namespace sluice::inline v0
