// SPDX-License-Identifier: Apache-2.0
#include "core/kept_session.hpp"

#include "core/identity_state.hpp"
#include "core/x509/certificate_parts.hpp"

#include <openssl/bytestring.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <new>
#include <set>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using std::chrono::sys_seconds;

constexpr std::uint8_t format = 1;

// Fields one after another, each with its length, so that no two lists of them have the same bytes.
class hashed_fields {
 public:
  explicit hashed_fields(std::string_view purpose) {
    SHA256_Init(&hash_);
    add(purpose);
  }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    SHA256_Update(&hash_, text.data(), text.size());
  }
  void add(std::span<const std::byte> bytes) {
    add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  void add(std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    SHA256_Update(&hash_, bytes.data(), bytes.size());
  }
  digest finish() {
    digest made;
    SHA256_Final(reinterpret_cast<std::uint8_t*>(made.data()), &hash_);
    return made;
  }

 private:
  SHA256_CTX hash_;
};

std::uint64_t number_of(sys_seconds time) { return static_cast<std::uint64_t>(time.time_since_epoch().count()); }
sys_seconds time_of(std::uint64_t number) {
  return sys_seconds(std::chrono::seconds(static_cast<std::int64_t>(number)));
}

void add_allowances(hashed_fields& fields, const allowances& allow) {
  static_assert(sizeof(allowances) == 4, "a new allowance is part of the verdict");
  for (const bool one : {allow.sha1_signatures, allow.small_rsa_keys, allow.common_name, allow.dns_name_as_ip}) {
    fields.add(std::uint64_t{one});
  }
}

}  // namespace

bool kept_session::is_good(std::chrono::system_clock::time_point now) const noexcept {
  const auto longest = is_reusable ? longest_tls12_session : longest_tls13_session;
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  return second < until && second < limits.verdict_ends && second < limits.began + longest;
}

sys_seconds end_of(const session_limits& limits, bool is_reusable, sys_seconds now,
                   std::chrono::seconds hint) noexcept {
  const auto longest = is_reusable ? longest_tls12_session : longest_tls13_session;
  const auto end =
      std::min({now + std::min<std::chrono::seconds>(hint, longest), limits.began + longest, limits.verdict_ends});
  return std::max(end, now);
}

secret pack(const kept_session& kept) {
  bssl::ScopedCBB out;
  CBB engine;
  const bool done =
      CBB_init(out.get(), 96 + kept.engine.size()) == 1 && CBB_add_u8(out.get(), format) == 1 &&
      CBB_add_bytes(out.get(), reinterpret_cast<const std::uint8_t*>(kept.scope.data()), kept.scope.size()) == 1 &&
      CBB_add_u8(out.get(), kept.is_reusable ? 1 : 0) == 1 &&
      CBB_add_u64(out.get(), number_of(kept.limits.began)) == 1 &&
      CBB_add_u64(out.get(), number_of(kept.limits.verdict_ends)) == 1 &&
      CBB_add_u64(out.get(), number_of(kept.until)) == 1 && CBB_add_u24_length_prefixed(out.get(), &engine) == 1 &&
      CBB_add_bytes(&engine, reinterpret_cast<const std::uint8_t*>(kept.engine.view().data()), kept.engine.size()) ==
          1 &&
      CBB_flush(out.get()) == 1;
  if (!done) throw std::bad_alloc();
  const std::span bytes(reinterpret_cast<const std::byte*>(CBB_data(out.get())), CBB_len(out.get()));
  secret made(bytes);
  OPENSSL_cleanse(const_cast<std::byte*>(bytes.data()), bytes.size());
  return made;
}

std::optional<kept_session> unpack(std::span<const std::byte> bytes) {
  CBS in, engine;
  CBS_init(&in, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  kept_session made;
  std::uint8_t version = 0, reusable = 0;
  std::uint64_t began = 0, verdict_ends = 0, until = 0;
  const bool is_whole =
      CBS_get_u8(&in, &version) == 1 && version == format &&
      CBS_copy_bytes(&in, reinterpret_cast<std::uint8_t*>(made.scope.data()), made.scope.size()) == 1 &&
      CBS_get_u8(&in, &reusable) == 1 && reusable <= 1 && CBS_get_u64(&in, &began) == 1 &&
      CBS_get_u64(&in, &verdict_ends) == 1 && CBS_get_u64(&in, &until) == 1 &&
      CBS_get_u24_length_prefixed(&in, &engine) == 1 && CBS_len(&in) == 0;
  if (!is_whole || std::max({began, verdict_ends, until}) > number_of(far_off)) return std::nullopt;
  made.is_reusable = reusable == 1;
  made.limits = {time_of(began), time_of(verdict_ends)};
  made.until = time_of(until);
  made.engine = secret(std::span(reinterpret_cast<const std::byte*>(CBS_data(&engine)), CBS_len(&engine)));
  return made;
}

bool describe_verdict(const context::state& s, digest& made) {
  hashed_fields fields("sluice session verdict 1");
  fields.add(std::uint64_t{s.verifies});
  fields.add(std::uint64_t{s.asks_for_staple});
  fields.add(s.policy.name);
  fields.add(static_cast<std::uint64_t>(s.min_version));
  add_allowances(fields, s.allow);
  fields.add(std::uint64_t{s.max_chain});
  fields.add(std::uint64_t{s.require_alpn});
  std::set<std::string> anchors;
  if (s.verifies && s.trust) {
    for (const auto& anchor : s.trust->anchors()) anchors.insert(anchor.sha256());
  }
  fields.add(static_cast<std::uint64_t>(anchors.size()));
  for (const auto& one : anchors) fields.add(one);
  fields.add(static_cast<std::uint64_t>(s.identities.size()));
  for (const auto& one : s.identities) fields.add(one.leaf().sha256());
  if (s.accept) {
    std::array<std::byte, 16> number;
    if (RAND_bytes(reinterpret_cast<std::uint8_t*>(number.data()), number.size()) != 1) return false;
    fields.add(number);
  }
  made = fields.finish();
  return true;
}

digest scope_of(const digest& verdict, std::string_view server_name) {
  hashed_fields fields("sluice session scope 1");
  fields.add(verdict);
  fields.add(server_name);
  return fields.finish();
}

std::string store_key(const digest& scope, std::string_view server_name, std::uint16_t port, alpn_view alpn) {
  hashed_fields fields("sluice session key 1");
  fields.add(scope);
  for (const auto& name : alpn) fields.add(name);
  const auto hash = fields.finish();
  const bool has_colons = server_name.find(':') != server_name.npos;
  std::string key = has_colons ? "[" + std::string(server_name) + "]" : std::string(server_name);
  if (port != 0) key += ":" + std::to_string(port);
  return key + " " + hexadecimal(std::span(hash).first<16>());
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
