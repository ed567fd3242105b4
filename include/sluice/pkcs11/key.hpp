// SPDX-License-Identifier: Apache-2.0
// A private key in a PKCS#11 token: it signs on threads of its own, and recovers when the token does.
#pragma once

#include "sluice/pkcs11/module.hpp"
#include "sluice/pkcs11/pin.hpp"
#include "sluice/private_key.hpp"
#include "sluice/secret.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// The options of open_key(). Its errors name the option or the attribute of the URI that is at fault.
struct key_options {
  std::string module_path;  // if empty, module-path or else module-name of the URI
  module_options module;    // as of module::load()
  pin_source pin;  // if empty, pin-value or else pin-source of the URI; without any, the token's PIN pad, or no login
  // The use of the token. Keys of one token share its sessions and its login; the options of the first key apply.
  std::size_t sessions = 8;         // worker threads with a session each, opened on demand, within the token's limit
  std::size_t queue_limit = 1024;   // above it, a request is rejected at once (errc::queue_full)
  std::size_t max_written_off = 8;  // the number of hanging workers, or of late probes, that may be replaced at a time
  // A call into the module that takes longer than this counts as hanging: its request fails and its worker is replaced.
  // At least 10 ms.
  std::chrono::milliseconds hang_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds timeout = std::chrono::seconds(10);  // for opening, and for requests without a deadline
};

// Whether a token is in use. It is `closed` in normal use. A token that has gone, or three failures in a row, open it:
// probes then do what failed, `probing` while one is under way, until one succeeds. Requests wait for the first probe;
// once it has failed, they are rejected at once (errc::token_down).
enum class circuit_state : std::uint8_t { closed, open, probing };

// The statistics of a token. Totals only grow.
struct token_stats {
  std::string token;                              // its label
  circuit_state circuit = circuit_state::closed;  // at the time of the call
  std::size_t queued = 0;                         // requests that wait for a worker
  std::size_t workers = 0;                        // threads, without those that hang
  std::size_t sessions_open = 0;                  // at most one for each worker
  std::size_t sessions_busy = 0;                  // at work, those that hang included
  std::size_t session_limit = 0;                  // as configured, or fewer if the token allowed fewer
  std::uint64_t operations = 0;                   // completed
  std::uint64_t failures = 0;   // requests that a worker took, and that failed; those that were shed are not among them
  std::uint64_t shed_full = 0;  // rejected because the queue was full
  std::uint64_t shed_late = 0;  // dropped because their deadline had passed
  std::uint64_t shed_down = 0;  // rejected because the circuit was open
  std::uint64_t logins = 0;     // calls of C_Login that left the user logged in
  std::uint64_t sessions_reopened = 0;           // after the token had closed them
  std::uint64_t keys_found_again = 0;            // searches after the token had rejected a handle
  std::uint64_t circuit_opened = 0;              // how often the token was taken out of use
  std::uint64_t reinitialized = 0;               // C_Finalize and C_Initialize, the last step of recovery
  std::uint64_t written_off = 0;                 // workers whose call hung, whether or not it returned later
  std::chrono::nanoseconds waited{};             // the time that requests spent in the queue, summed
  std::chrono::nanoseconds served{};             // the time that calls into the module took, summed
  std::map<std::string, std::uint64_t> answers;  // the number of results, by the name of each CKR
};

struct access;     // internal
class token_pool;  // internal

// Returns the statistics of every token on which this process has a key open, for metrics. Any thread may call it.
std::vector<token_stats> statistics();

// A key that open_key has opened. Any thread may use it. Its module and the token's sessions live as long as any key of
// theirs.
class key final : public private_key {
 public:
  ~key() override;
  void start(const sign_request& request, signature_promise promise) override;
  std::optional<std::vector<std::byte>> public_key() const override;
  std::string name() const override;

  // Decrypts by RSA with PKCS#1 v1.5 padding (CKM_RSA_PKCS). It blocks, at most for the key's timeout. TLS does not use
  // it: an RSA key exchange with a key of a token is rejected, because its errors would be a padding oracle.
  result<secret> decrypt(std::span<const std::byte> ciphertext);
  // Makes one signature. It blocks.
  result<std::vector<std::byte>> sign(const sign_request& request);

  // Returns the statistics of its token, which all keys of the token share. Any thread may call it.
  token_stats stats() const;

  struct state;                                     // internal
  explicit key(std::shared_ptr<state> s) noexcept;  // internal: open_key() makes keys

 private:
  friend struct access;
  std::shared_ptr<state> state_;
};

// Loads the module, finds the token, logs in, finds the key, and reads its public key if the token has it. It blocks
// the calling thread. Errors are those of the pkcs11 group of errc, or a CKR; they name the object that was not found
// and list those that exist.
//
// After fork(), all keys of the child fail at once with errc::key_unavailable, because PKCS#11 does not survive a fork.
result<std::shared_ptr<key>> open_key(std::string_view uri, const key_options& options = {});

// Opens the same key on several tokens or modules as one key. The token with the least load signs first; if it fails,
// the others do. Every URI must open, and all of them must refer to the same key.
result<std::shared_ptr<private_key>> open_key(std::span<const std::string> uris, const key_options& options = {});

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
