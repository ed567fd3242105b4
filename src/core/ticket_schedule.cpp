// SPDX-License-Identifier: Apache-2.0
#include "core/ticket_schedule.hpp"

#include "core/base/error_tables.hpp"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::int64_t max_keys = 48;
constexpr std::int64_t max_past = max_keys - 2;  // beside this period's and the next
// None ever expires for s2n, which would remove it during some handshake; how long a ticket is good is the session's
// lifetime.
constexpr auto for_ever = std::chrono::hours(24 * 365 * 10);

// 16 bytes of name and 32 of key for one period, the same on every server with the seed.
struct ticket_key {
  std::array<std::uint8_t, 16> name;
  std::array<std::uint8_t, 32> key;
  ~ticket_key() { OPENSSL_cleanse(this, sizeof *this); }
};

bool derive(const secret& seed, std::int64_t period, ticket_key& made) {
  const std::string label = "sluice ticket key " + std::to_string(period);
  std::array<std::uint8_t, sizeof(made.name) + sizeof(made.key)> out;
  const auto* info = reinterpret_cast<const std::uint8_t*>(label.data());
  const auto* secret_bytes = reinterpret_cast<const std::uint8_t*>(seed.view().data());
  const bool done =
      HKDF(out.data(), out.size(), EVP_sha256(), secret_bytes, seed.size(), nullptr, 0, info, label.size()) == 1;
  std::copy_n(out.begin(), made.name.size(), made.name.begin());
  std::copy_n(out.begin() + made.name.size(), made.key.size(), made.key.begin());
  OPENSSL_cleanse(out.data(), out.size());
  return done;
}

result<secret> random_seed() {
  std::array<std::byte, 32> bytes;
  if (RAND_bytes(reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()) != 1) {
    return make_failure(errc::internal, "tickets", "no random seed can be had");
  }
  secret seed{std::span<const std::byte>(bytes)};
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return seed;
}

std::uint64_t count(std::chrono::seconds s) { return static_cast<std::uint64_t>(s.count()); }

}  // namespace

ticket_schedule::ticket_schedule(secret seed, std::chrono::seconds period, std::chrono::seconds lifetime)
    : seed_(std::move(seed)), period_(period), lifetime_(std::min(lifetime, period * max_past)) {
  past_ = std::clamp((lifetime_.count() + period_.count() - 1) / period_.count(), std::int64_t{1}, max_past);
}

result<ticket_schedule> ticket_schedule::make(const ticket_options& options) {
  constexpr auto week = std::chrono::hours(24 * 7);
  const bool is_period = options.key_period >= std::chrono::hours(1) && options.key_period <= for_ever;
  if (!is_period || (options.seed && options.seed->size() < 32)) {
    return make_failure(errc::invalid_argument, "tickets",
                        "the key period is an hour to ten years, the seed at least 32 bytes");
  }
  if (options.session_lifetime < std::chrono::seconds(0)) {
    return make_failure(errc::invalid_argument, "tickets", "a session's lifetime is not negative");
  }
  const auto lifetime = std::min<std::chrono::seconds>(options.session_lifetime, week);
  if (options.seed) return ticket_schedule(options.seed->clone(), options.key_period, lifetime);
  auto seed = random_seed();
  if (!seed) return seed.error();
  return ticket_schedule(std::move(*seed), options.key_period, lifetime);
}

std::int64_t ticket_schedule::period_at(std::chrono::system_clock::time_point now) const noexcept {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()) / period_;
}

bool ticket_schedule::covers(const window& keys, std::chrono::system_clock::time_point now) const noexcept {
  const auto period = period_at(now);
  return keys.from <= period && period < keys.last;
}

result<ticket_schedule::window> ticket_schedule::install(s2n_config* config,
                                                         std::chrono::system_clock::time_point now) const {
  const bool done = s2n_config_set_session_tickets_onoff(config, 1) == S2N_SUCCESS &&
                    s2n_config_set_ticket_encrypt_decrypt_key_lifetime(config, count(period_)) == S2N_SUCCESS &&
                    s2n_config_set_ticket_decrypt_key_lifetime(config, count(for_ever)) == S2N_SUCCESS &&
                    s2n_config_set_session_state_lifetime(config, count(lifetime_)) == S2N_SUCCESS;
  if (!done) return s2n_failure("tickets");
  const auto period = period_at(now);
  const auto first = std::max(period - past_, std::int64_t{1});  // s2n takes 0 for "now"
  for (auto n = first; n < first + max_keys; ++n) {
    ticket_key k;
    const bool added =
        derive(seed_, n, k) && s2n_config_add_ticket_crypto_key(config, k.name.data(), k.name.size(), k.key.data(),
                                                                k.key.size(), count(n * period_)) == S2N_SUCCESS;
    if (!added) return s2n_failure("tickets");
  }
  return window{period, first + max_keys - 1};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
