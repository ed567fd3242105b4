// SPDX-License-Identifier: Apache-2.0
#include "sluice/session.hpp"

#include "core/callbacks.hpp"
#include "core/connection_impl.hpp"
#include "core/error_tables.hpp"
#include "core/tickets.hpp"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <array>
#include <deque>
#include <list>
#include <map>
#include <mutex>

namespace sluice::inline v0 {
namespace {

using clock_type = std::chrono::steady_clock;

class memory_store final : public session_store {
 public:
  memory_store(std::size_t capacity, std::size_t per_name) : capacity_(capacity), per_name_(per_name) {}

  void put(std::string_view name, std::span<const std::byte> session, std::chrono::seconds lifetime) override {
    const std::lock_guard lock(gate_);
    auto& entry = touch(std::string(name));
    entry.push_front({secret(session), clock_type::now() + lifetime});
    if (entry.size() > per_name_) entry.pop_back();
    if (order_.size() > capacity_) {
      entries_.erase(order_.back());
      order_.pop_back();
    }
  }

  std::optional<secret> take(std::string_view name) override {
    const std::lock_guard lock(gate_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return std::nullopt;
    auto& kept = found->second.sessions;
    while (!kept.empty()) {
      auto newest = std::move(kept.front());
      kept.pop_front();
      if (newest.expires > clock_type::now()) return std::move(newest.session);
    }
    return std::nullopt;
  }

 private:
  struct kept_session {
    secret session;
    clock_type::time_point expires;
  };
  struct name_entry {
    std::deque<kept_session> sessions;
    std::list<std::string>::iterator place;
  };

  std::deque<kept_session>& touch(const std::string& name) {
    auto found = entries_.find(name);
    if (found == entries_.end()) {
      order_.push_front(name);
      found = entries_.emplace(name, name_entry{{}, order_.begin()}).first;
    } else {
      order_.splice(order_.begin(), order_, found->second.place);
    }
    return found->second.sessions;
  }

  const std::size_t capacity_, per_name_;
  std::mutex gate_;
  std::list<std::string> order_;  // most recently used first
  std::map<std::string, name_entry, std::less<>> entries_;
};

using key_bytes = std::array<uint8_t, 32>;

// 16 bytes of name and 32 of key for one period, the same on every server with the seed.
struct ticket_key {
  std::array<uint8_t, 16> name;
  key_bytes key;
};

bool derive(const secret& seed, std::uint64_t period, ticket_key& made) {
  const std::string label = "sluice ticket key " + std::to_string(period);
  std::array<uint8_t, sizeof(made.name) + sizeof(made.key)> out;
  const auto* info = reinterpret_cast<const uint8_t*>(label.data());
  const auto* secret_bytes = reinterpret_cast<const uint8_t*>(seed.view().data());
  const bool done =
      HKDF(out.data(), out.size(), EVP_sha256(), secret_bytes, seed.size(), nullptr, 0, info, label.size()) == 1;
  std::copy_n(out.begin(), made.name.size(), made.name.begin());
  std::copy_n(out.begin() + made.name.size(), made.key.size(), made.key.begin());
  OPENSSL_cleanse(out.data(), out.size());
  return done;
}

secret random_seed() {
  std::array<std::byte, 32> bytes;
  RAND_bytes(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  secret seed{std::span<const std::byte>(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return seed;
}

std::uint64_t seconds(std::chrono::seconds s) { return static_cast<std::uint64_t>(s.count()); }

}  // namespace

std::shared_ptr<session_store> make_session_store(std::size_t capacity, std::size_t per_name) {
  return std::make_shared<memory_store>(std::max<std::size_t>(capacity, 1), std::max<std::size_t>(per_name, 1));
}

namespace internal {

// All keys are added now, each with the time it comes into use: s2n's configuration must not change once connections
// use it (P27). For the same reason none ever expires, which would make s2n remove it during some handshake; how long
// a ticket is good is the session's lifetime.
result<void> enable_tickets(s2n_config* config, const ticket_options& options,
                            std::chrono::system_clock::time_point now) {
  constexpr int most_keys = 48;
  constexpr auto for_ever = std::chrono::hours(24 * 365 * 10);
  if (options.key_period < std::chrono::hours(1) || (options.seed && options.seed->size() < 32)) {
    return make_failure(errc::usage, "tickets", "the key period is at least an hour, the seed at least 32 bytes");
  }
  const auto seed = options.seed ? options.seed->clone() : random_seed();
  const auto period = std::chrono::seconds(options.key_period);
  const bool done = s2n_config_set_session_tickets_onoff(config, 1) == S2N_SUCCESS &&
                    s2n_config_set_ticket_encrypt_decrypt_key_lifetime(config, seconds(period)) == S2N_SUCCESS &&
                    s2n_config_set_ticket_decrypt_key_lifetime(config, seconds(for_ever)) == S2N_SUCCESS &&
                    s2n_config_set_session_state_lifetime(config, seconds(options.session_lifetime)) == S2N_SUCCESS;
  if (!done) return s2n_failure("tickets");
  const auto this_period =
      seconds(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch())) / seconds(period);
  for (std::uint64_t n = this_period - 1; n < this_period - 1 + most_keys; ++n) {
    ticket_key k;
    const bool added =
        derive(seed, n, k) && s2n_config_add_ticket_crypto_key(config, k.name.data(), k.name.size(), k.key.data(),
                                                               k.key.size(), n * seconds(period)) == S2N_SUCCESS;
    OPENSSL_cleanse(&k, sizeof k);
    if (!added) return s2n_failure("tickets");
  }
  return {};
}

result<void> keep_tickets(s2n_config* config, context::state& state) {
  if (s2n_config_set_session_tickets_onoff(config, 1) != S2N_SUCCESS ||
      s2n_config_set_session_ticket_cb(config, on_session_ticket, &state) != S2N_SUCCESS) {
    return s2n_failure("sessions");
  }
  return {};
}

extern "C" int on_session_ticket(s2n_connection* connection, void* ctx, s2n_session_ticket* ticket) noexcept {
  try {
    const auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
    std::size_t size = 0;
    uint32_t lifetime = 0;
    if (c == nullptr || s2n_session_ticket_get_data_len(ticket, &size) != S2N_SUCCESS ||
        s2n_session_ticket_get_lifetime(ticket, &lifetime) != S2N_SUCCESS) {
      return S2N_SUCCESS;
    }
    // None is "unspecified" in TLS 1.2 (RFC 5077 §3.3), as Go leaves it, "not at all" in 1.3 (RFC 8446 §4.6.1).
    const bool may_be_open = s2n_connection_get_actual_protocol_version(connection) < S2N_TLS13;
    const auto good_for = lifetime == 0 && may_be_open ? unknown_lifetime : std::chrono::seconds(lifetime);
    std::vector<std::byte> data(size);
    if (s2n_session_ticket_get_data(ticket, size, reinterpret_cast<uint8_t*>(data.data())) == S2N_SUCCESS) {
      static_cast<context::state*>(ctx)->sessions->put(c->session_name(), data, good_for);
    }
    OPENSSL_cleanse(data.data(), data.size());
    return S2N_SUCCESS;
  } catch (...) {
    return S2N_SUCCESS;  // a ticket that cannot be kept is no reason to end a connection
  }
}

}  // namespace internal

}  // namespace sluice::inline v0
