// SPDX-License-Identifier: Apache-2.0
#include "sluice/private_key.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/signature_slot.hpp"
#include "sluice/printable.hpp"

#include <algorithm>
#include <condition_variable>

namespace sluice {
inline namespace v0 {
namespace {

struct scheme_row {
  signature_scheme scheme;
  const char* name;
  signature_kind kind;
  digest_kind digest;
};

using enum signature_scheme;
constexpr auto pkcs1 = signature_kind::rsa_pkcs1;
constexpr auto pss = signature_kind::rsa_pss;
constexpr auto ecdsa = signature_kind::ecdsa;

constexpr std::array schemes = {
    scheme_row{rsa_pkcs1_sha1, "rsa_pkcs1_sha1", pkcs1, digest_kind::sha1},
    scheme_row{ecdsa_sha1, "ecdsa_sha1", ecdsa, digest_kind::sha1},
    scheme_row{rsa_pkcs1_sha224, "rsa_pkcs1_sha224", pkcs1, digest_kind::sha224},
    scheme_row{ecdsa_sha224, "ecdsa_sha224", ecdsa, digest_kind::sha224},
    scheme_row{rsa_pkcs1_sha256, "rsa_pkcs1_sha256", pkcs1, digest_kind::sha256},
    scheme_row{ecdsa_secp256r1_sha256, "ecdsa_secp256r1_sha256", ecdsa, digest_kind::sha256},
    scheme_row{rsa_pkcs1_sha384, "rsa_pkcs1_sha384", pkcs1, digest_kind::sha384},
    scheme_row{ecdsa_secp384r1_sha384, "ecdsa_secp384r1_sha384", ecdsa, digest_kind::sha384},
    scheme_row{rsa_pkcs1_sha512, "rsa_pkcs1_sha512", pkcs1, digest_kind::sha512},
    scheme_row{ecdsa_secp521r1_sha512, "ecdsa_secp521r1_sha512", ecdsa, digest_kind::sha512},
    scheme_row{rsa_pss_rsae_sha256, "rsa_pss_rsae_sha256", pss, digest_kind::sha256},
    scheme_row{rsa_pss_rsae_sha384, "rsa_pss_rsae_sha384", pss, digest_kind::sha384},
    scheme_row{rsa_pss_rsae_sha512, "rsa_pss_rsae_sha512", pss, digest_kind::sha512},
    scheme_row{rsa_pss_pss_sha256, "rsa_pss_pss_sha256", pss, digest_kind::sha256},
    scheme_row{rsa_pss_pss_sha384, "rsa_pss_pss_sha384", pss, digest_kind::sha384},
    scheme_row{rsa_pss_pss_sha512, "rsa_pss_pss_sha512", pss, digest_kind::sha512},
    scheme_row{rsa_pkcs1_md5_sha1, "rsa_pkcs1_md5_sha1", pkcs1, digest_kind::md5_sha1},
};

const scheme_row& row_of(signature_scheme scheme) noexcept {
  const auto row = std::ranges::find(schemes, scheme, &scheme_row::scheme);
  return row != schemes.end() ? *row : schemes.front();
}

}  // namespace

signature_kind kind_of(signature_scheme scheme) noexcept { return row_of(scheme).kind; }
digest_kind digest_of(signature_scheme scheme) noexcept { return row_of(scheme).digest; }
std::string_view to_string(signature_scheme scheme) noexcept { return row_of(scheme).name; }

std::optional<signature_scheme> signature_scheme_from(std::string_view name) noexcept {
  const auto row = std::ranges::find(schemes, name, &scheme_row::name);
  if (row == schemes.end()) return std::nullopt;
  return row->scheme;
}

std::size_t digest_size(digest_kind digest) noexcept {
  switch (digest) {
    case digest_kind::md5_sha1: return 36;
    case digest_kind::sha1: return 20;
    case digest_kind::sha224: return 28;
    case digest_kind::sha256: return 32;
    case digest_kind::sha384: return 48;
    case digest_kind::sha512: return 64;
  }
  return 0;
}

signature_promise& signature_promise::operator=(signature_promise&& other) noexcept {
  signature_promise replaced(std::move(*this));
  slot_ = std::move(other.slot_);
  return *this;
}

signature_promise::~signature_promise() {
  if (slot_) slot_->drop();
}

bool signature_promise::set(std::span<const std::byte> signature) {
  return slot_ && slot_->settle({{signature.begin(), signature.end()}, std::nullopt},
                                internal::signature_slot::repeated::reported);
}

bool signature_promise::fail(failure error) {
  if (!error.code) error.code = make_error_code(errc::key_unavailable);
  if (error.where.empty() && slot_) error.where = slot_->key;
  error.at = phase::signing;
  return slot_ && slot_->settle({{}, std::move(error)}, internal::signature_slot::repeated::reported);
}

bool signature_promise::is_wanted() const noexcept { return slot_ && slot_->is_wanted(); }

result<std::vector<std::byte>> sign_and_wait(private_key& key, sign_request request,
                                             std::chrono::milliseconds timeout) {
  struct waiting_room {
    std::mutex gate;
    std::condition_variable arrived;
    bool is_ready = false;
  };
  const auto room = std::make_shared<waiting_room>();
  const auto slot = std::make_shared<internal::signature_slot>(key.name(), nullptr);
  request.deadline = std::chrono::steady_clock::now() + timeout;
  internal::start_signing(key, request, slot);
  slot->set_ready([room] {
    const std::lock_guard lock(room->gate);
    room->is_ready = true;
    room->arrived.notify_all();
  });
  {
    std::unique_lock lock(room->gate);
    if (!room->arrived.wait_until(lock, request.deadline, [&] { return room->is_ready; })) {
      slot->abandon();
      return internal::signing_failure(errc::key_timed_out, slot->key,
                                       "no signature within " + std::to_string(timeout.count()) + " ms");
    }
  }
  auto given = slot->take();
  if (given->error) return *given->error;
  return std::move(given->signature);
}

namespace internal {

bool signature_slot::settle(answer given, repeated repeat) {
  std::function<void()> call;
  std::optional<failure> error = given.error;
  bool is_repeated = false;
  {
    const std::lock_guard lock(gate_);
    is_repeated = std::exchange(settled_, true);
    if (!is_repeated) {
      if (!abandoned_) answer_ = std::move(given);
      call = std::move(ready_);
    }
  }
  if (is_repeated) {
    if (watch_ && repeat == repeated::reported) {
      watch_->on_warning("the private key " + printable(key) + " answered the same request twice");
    }
    return false;
  }
  if (watch_) {
    watch_->on_signature(
        {.key = key, .error = error ? &*error : nullptr, .waited = std::chrono::steady_clock::now() - asked_});
  }
  if (call) call();
  return true;
}

void signature_slot::set_ready(std::function<void()> when_ready) {
  {
    const std::lock_guard lock(gate_);
    if (!settled_) {
      ready_ = std::move(when_ready);
      return;
    }
  }
  if (when_ready) when_ready();
}

std::optional<signature_slot::answer> signature_slot::take() {
  const std::lock_guard lock(gate_);
  return std::exchange(answer_, std::nullopt);
}

void signature_slot::abandon() {
  std::function<void()> dropped;
  const std::lock_guard lock(gate_);
  abandoned_ = true;
  answer_.reset();
  dropped.swap(ready_);
}

bool signature_slot::is_wanted() const {
  const std::lock_guard lock(gate_);
  return !settled_ && !abandoned_;
}

// From a destructor. A waiting caller gets the code alone if there is no memory for the words; and if it cannot be
// woken either, its deadline ends the wait.
void signature_slot::drop() noexcept {
  {
    const std::lock_guard lock(gate_);
    is_dropped_ = true;
    if (is_starting_) return;
  }
  try {
    settle({{}, signing_failure(errc::key_unavailable, key, "the key dropped the request")}, repeated::ignored);
  } catch (...) {
    settle_without_words();
  }
}

void signature_slot::settle_without_words() noexcept try {
  failure bare;
  bare.code = make_error_code(errc::key_unavailable);
  settle({{}, in_phase(phase::signing, std::move(bare))}, repeated::ignored);
} catch (...) {
  return;
}

// A promise dropped while start() runs is judged at its end: if an exception dropped it, that one has the words.
void signature_slot::start(private_key& with, const sign_request& request, signature_promise promise) {
  std::optional<failure> error;
  {
    const std::lock_guard lock(gate_);
    is_starting_ = true;
  }
  try {
    with.start(request, std::move(promise));
  } catch (const std::exception& e) {
    error = signing_failure(errc::key_unavailable, key, e.what());
  } catch (...) {
    error = signing_failure(errc::key_unavailable, key, "unknown exception");
  }
  bool is_dropped = false;
  {
    const std::lock_guard lock(gate_);
    is_starting_ = false;
    is_dropped = is_dropped_;
  }
  if (error) settle({{}, std::move(error)}, repeated::ignored);
  if (is_dropped) drop();
}

void start_signing(private_key& key, const sign_request& request, const std::shared_ptr<signature_slot>& slot) {
  slot->start(key, request, signature_slot::promise_for(slot));
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
