// SPDX-License-Identifier: Apache-2.0
// Events for logs and metrics: one interface that receives them, and ready-made counters.
#pragma once

#include "sluice/result.hpp"
#include "sluice/statistics.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice {
inline namespace v0 {

struct connection_info;

// A handshake has ended. The pointers are valid during the call only.
struct handshake_event {
  bool is_server = false;                             // this end is the server
  const connection_info* info = nullptr;              // the negotiated parameters; null if the handshake failed
  const failure* error = nullptr;                     // null if it succeeded
  std::chrono::nanoseconds duration{};                // counted from the first call into the engine
  std::chrono::nanoseconds signing{};                 // the part of it that was spent waiting for a private key
  const connection_statistics* statistics = nullptr;  // never null
};

// A connection has been destroyed, or reset for another peer. The pointers are valid during the call only.
struct closed_event {
  bool is_server = false;                             // this end is the server
  const connection_info* info = nullptr;              // the negotiated parameters; null if the handshake was not done
  const failure* error = nullptr;                     // the failure that ended it; null if nothing failed
  const connection_statistics* statistics = nullptr;  // the final figures; never null
};

// A private key outside the engine has answered, or failed to answer, a request for a signature.
struct signature_event {
  std::string_view key;               // private_key::name()
  const failure* error = nullptr;     // null if there is a signature; valid during the call only
  std::chrono::nanoseconds waited{};  // from the request to the answer
};

// A message of the TLS protocol was sent or received, given here in plaintext. Application data are not reported.
struct message_event {
  // The content types of records (RFC 8446 §5.1) but application data, and `sealed`.
  enum class kind : std::uint8_t { handshake, alert, change_cipher_spec, sealed };
  std::uint64_t connection = 0;  // the number of the connection, counted from 1 in this process
  kind what = kind::handshake;   // sealed: a record that could not be decrypted, with unknown contents
  bool is_server = false;        // this end is the server
  bool is_sent = false;          // this end sent it
  bool was_sealed = false;       // it was sent encrypted
  std::uint8_t type = 0;         // HandshakeType (RFC 8446 §4) or AlertDescription (§6.2); 255: an encrypted alert
  // The whole message, with the header of four bytes of a handshake message. It is valid during the call only, and
  // empty for messages that could not be decrypted: the Finished of TLS 1.2, and alerts after it.
  std::span<const std::byte> bytes;
  std::size_t size = 0;           // of the message; of the record, if it could not be decrypted
  std::chrono::nanoseconds at{};  // the time since the handshake began
};

// Derive from this class and pass an object in a context's options. Its functions are called on the thread on which the
// event happened. They must not throw, and must return quickly, because handshakes wait for them. One object may serve
// several contexts.
class observer {
 public:
  virtual ~observer() = default;
  // Called once for each handshake, when it has succeeded or failed.
  virtual void on_handshake(const handshake_event&) noexcept {}
  // Called once for each request to a key outside the engine, on the thread that answered it, which is the key's own as
  // a rule, whether or not the connection still waits for the answer.
  virtual void on_signature(const signature_event&) noexcept {}
  virtual void on_failure(const failure&) noexcept {}  // of an established connection, once; a broken pipe at its end
  // Called with one line for a person, printable(), when something is wrong that fails no connection: verification is
  // off, a session store threw, a key answered twice, ticket keys cannot be made. The text is valid during the call
  // only.
  virtual void on_warning(std::string_view) noexcept {}
  // Called once for each connection that began its handshake. `timings` lacks resolve and connect.
  virtual void on_closed(const closed_event&) noexcept {}
  // Called once for each connection, when it is made. If it returns true, the connection reports each message. All that
  // the connection sends and receives is then decrypted a second time: use it for diagnosis.
  virtual bool wants_messages() const noexcept { return false; }
  // Called for each message, in the order of the wire, once the secret to decrypt it is known, and before the call of
  // the connection in which that happens returns.
  virtual void on_message(const message_event&) noexcept {}
};

// An observer that counts events. Any thread may use it; the totals only grow.
class counters final : public observer {
 public:
  // The totals at one moment. They are read one after the other: the sum of two may lag behind the third.
  struct snapshot_type {
    std::uint64_t handshakes = 0, handshakes_failed = 0, resumed = 0;     // succeeded; failed; of the former, resumed
    std::uint64_t signatures = 0, signatures_failed = 0, signing_ns = 0;  // by keys outside the engine; their time
    std::uint64_t connections_failed = 0, warnings = 0;                   // calls of on_failure() and of on_warning()
    std::uint64_t connections_closed = 0;                                 // that had begun their handshake
    traffic received, sent;                                               // by connections that are closed
  };
  // Returns the totals; it never blocks.
  snapshot_type snapshot() const noexcept;

  void on_handshake(const handshake_event& event) noexcept override;
  void on_signature(const signature_event& event) noexcept override;
  void on_failure(const failure& error) noexcept override;
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

}  // namespace v0
}  // namespace sluice
