// SPDX-License-Identifier: Apache-2.0
// A private key in a PKCS#11 token: signs on threads of its own, and outlives the token's troubles.
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

namespace sluice::inline v0::pkcs11 {

struct key_options {
  std::string module_path;  // else module-path, else module-name in the URI
  module_options module;
  pin_source pin;           // else pin-value, else pin-source in the URI; none: the token's own pad, or no login
  // What the token is asked with. Keys of one token share its sessions and login; the first key's figures count.
  std::size_t sessions = 8;  // a worker thread and a session each, opened when needed, at most the token's limit
  std::size_t queue_limit = 1024;    // beyond, work is refused at once (errc::queue_full)
  std::size_t max_written_off = 8;  // workers that hang, or whose probe is late, replaced up to this many at a time
  // A call of the token that takes longer hangs; at least 10 ms. Its work is answered, and its worker replaced.
  std::chrono::milliseconds hang_timeout = std::chrono::seconds(30);
  std::chrono::milliseconds timeout = std::chrono::seconds(10);  // for opening, and for work without a deadline
};

enum class circuit_state : std::uint8_t { closed, open, probing };

// A token's statistics; totals only grow.
struct token_stats {
  std::string token;
  circuit_state circuit = circuit_state::closed;
  std::size_t queued = 0;
  std::size_t workers = 0;
  std::size_t sessions_open = 0;
  std::size_t sessions_busy = 0;
  std::size_t session_limit = 0;         // as configured, or less where the token said so
  std::uint64_t operations = 0;          // done
  std::uint64_t failures = 0;
  std::uint64_t shed_full = 0;           // refused: the queue was full
  std::uint64_t shed_late = 0;           // dropped: their deadline had passed
  std::uint64_t shed_down = 0;           // refused: the circuit was open
  std::uint64_t logins = 0;
  std::uint64_t sessions_reopened = 0;   // after the token had lost them
  std::uint64_t keys_found_again = 0;
  std::uint64_t circuit_opened = 0;
  std::uint64_t reinitialized = 0;       // C_Finalize and C_Initialize, the last rung
  std::uint64_t written_off = 0;         // workers whose call hung, whether or not it returned later
  std::chrono::nanoseconds waited{};     // in the queue, summed
  std::chrono::nanoseconds served{};     // in the token, summed
  std::map<std::string, std::uint64_t> answers;  // every CKR by name
};

class token_pool;  // the library's own

// Of every token that a key is open on, in this process: for metrics. Any thread.
std::vector<token_stats> statistics();

// Made by open_key. Any thread. The module and the token's sessions live as long as any key of them.
class key final : public private_key {
 public:
  ~key() override;
  void start(const sign_request& request, signature_promise promise) override;
  std::optional<std::vector<std::byte>> public_key() const override;
  std::string name() const override;

  // RSA with PKCS#1 v1.5 padding (CKM_RSA_PKCS); waits, at most the key's timeout. Not for TLS, where a key
  // exchange with a token's key is refused: its errors would be an oracle.
  result<secret> decrypt(std::span<const std::byte> ciphertext);
  // One signature, by waiting.
  result<std::vector<std::byte>> sign(const sign_request& request);

  token_stats stats() const;

  struct state;  // the library's own, like the two that follow
  explicit key(std::shared_ptr<state> s) noexcept;
  const std::shared_ptr<state>& shared() const noexcept;

 private:
  std::shared_ptr<state> state_;
};

// Loads the module, finds the token, logs in, finds the key, and reads its public half if the token has it. Waits,
// on the caller's thread. Errors name what was looked for and list what is there: the pkcs11 row of errc, or a CKR.
//
// After fork() the child's keys refuse at once with errc::key_unavailable: PKCS#11 does not survive it.
result<std::shared_ptr<key>> open_key(std::string_view uri, const key_options& options = {});

// The same key on several tokens or modules, as one: the least loaded is asked first, the others when it fails.
// Every URI must open, and all must be the same key.
result<std::shared_ptr<private_key>> open_key(std::span<const std::string> uris, const key_options& options = {});

}  // namespace sluice::inline v0::pkcs11
