// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/key.hpp"

#include "core/base/failure.hpp"
#include "core/base/wipe.hpp"
#include "core/x509/key_match.hpp"
#include "pkcs11/key_attributes.hpp"
#include "pkcs11/key_state.hpp"
#include "pkcs11/module_choice.hpp"

#include <unistd.h>

#include <algorithm>
#include <future>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

using time_point = job::time_point;

failure timed_out(const std::string& name, std::chrono::milliseconds timeout) {
  return internal::signing_failure(errc::key_timed_out, name,
                                   "no answer within " + std::to_string(timeout.count()) + " ms",
                                   "see whether the token or the service behind it answers at all");
}

// May be what was decrypted: wiped wherever it ends, also where it comes too late for its caller.
struct wiped_outcome {
  explicit wiped_outcome(result<der::bytes> given) : outcome(std::move(given)) {}
  wiped_outcome(wiped_outcome&&) noexcept = default;
  wiped_outcome& operator=(wiped_outcome&&) = delete;
  ~wiped_outcome() {
    if (outcome) internal::wipe(*outcome);
  }
  result<der::bytes> outcome;
};

// Submits and waits. An answer that comes too late is dropped.
result<der::bytes> run(key::state& k, int what, std::function<token_answer(const signing_context&)> work) {
  if (auto refused = refuse_after_fork(k)) return *refused;
  auto promise = std::make_shared<std::promise<wiped_outcome>>();
  auto answer = promise->get_future();
  k.pool->submit({.key = k.record,
                  .what = what,
                  .work = std::move(work),
                  .done = [promise](result<der::bytes> got) { promise->set_value(wiped_outcome(std::move(got))); },
                  .deadline = std::chrono::steady_clock::now() + k.timeout});
  if (answer.wait_for(k.timeout + std::chrono::milliseconds(50)) != std::future_status::ready) {
    return timed_out(k.record->name, k.timeout);
  }
  return std::move(answer.get().outcome);
}

// Which of several public keys is the key's own: the one with which a signature of it verifies. A key that asks for its
// PIN each time is not bothered.
std::optional<der::bytes> tried_public_key(const signing_context& v, const key_facts& facts,
                                           const std::vector<der::bytes>& candidates) {
  if (!facts.can_sign || facts.always_authenticate) return std::nullopt;
  sign_request request;
  request.scheme =
      facts.kind.type == CKK_RSA ? signature_scheme::rsa_pkcs1_sha256 : signature_scheme::ecdsa_secp256r1_sha256;
  request.input_size = static_cast<std::uint8_t>(digest_size(digest_of(request.scheme)));
  std::fill_n(request.input.begin(), request.input_size, std::byte{0x5a});
  const auto signature = v.s.sign(v.key, facts.kind, request, {});
  if (!signature) return std::nullopt;
  for (const auto& one : candidates) {
    if (sluice::internal::verifies(one, request.scheme, request.digest(), *signature)) return one;
  }
  return std::nullopt;
}

// Reads the key's attributes into the record: the first piece of work done with it.
result<void> inspect(key::state& k) {
  const auto facts = std::make_shared<std::optional<result<key_facts>>>();
  const auto public_key = std::make_shared<std::optional<der::bytes>>();
  const auto search = k.record->search;
  const auto name = k.record->name;
  auto done = run(k, first_look, [=](const signing_context& v) {
    *facts = read_facts(v.s, v.key, name);
    auto half = find_public_half(v.s, v.key, search);
    if (half.is_certain) {
      *public_key = std::move(half.candidates.front());
    } else if (*facts && **facts && !half.candidates.empty()) {
      *public_key = tried_public_key(v, (*facts)->value(), half.candidates);
    }
    return answer_of(CKR_OK);
  });
  if (!done) return done.error();
  if (!**facts) return (*facts)->error();
  const auto& read = (*facts)->value();
  if (!read.can_sign) {
    return make_failure(errc::key_refused, name, "its CKA_SIGN is false", "create the key with CKA_SIGN true");
  }
  // A record is the pool's from now on, and never changes: a new one with what was learned takes its place.
  // Copied and not changed: the pool may still have the old one, as what a probe repeats.
  auto learned = std::make_shared<key_record>(*k.record);
  learned->kind = read.kind;
  learned->always_authenticate = read.always_authenticate;
  learned->public_key = *public_key;
  if (learned->kind.order_size == 0 && *public_key) learned->kind.order_size = curve_order_size(**public_key);
  k.record = std::move(learned);
  return {};
}

}  // namespace

std::optional<failure> refuse_after_fork(const key::state& k) {
  if (::getpid() == k.owner) return std::nullopt;
  return internal::signing_failure(errc::key_unavailable, k.record->name, "the key was opened before fork()",
                                   "open it again in the child: PKCS#11 does not survive a fork");
}

key::key(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
key::~key() = default;

// The input is copied into the work: the connection that asked may be gone before the token gets to it.
job make_sign_job(const key::state& k, const sign_request& request) {
  return {
      .key = k.record,
      .what = static_cast<int>(request.scheme),
      .work = [request](const signing_context& v) { return v.s.sign(v.key, v.record.kind, request, v.authenticate); },
      .deadline = std::min(request.deadline, std::chrono::steady_clock::now() + k.timeout)};
}

result<der::bytes> signature_of(result<der::bytes> outcome) {
  if (!outcome) return internal::in_phase(phase::signing, outcome.error());
  return outcome;
}

void key::start(const sign_request& request, signature_promise promise) {
  if (auto refused = refuse_after_fork(*state_)) {
    promise.fail(std::move(*refused));
    return;
  }
  auto work = make_sign_job(*state_, request);
  // Shared between the question whether somebody waits and the answer; both are dropped with the job, and a promise
  // that is dropped unanswered fails its request. So there is no way by which a connection waits in vain.
  const auto shared = std::make_shared<signature_promise>(std::move(promise));
  work.is_wanted = [shared] { return shared->is_wanted(); };
  work.done = [shared, k = state_](result<der::bytes> outcome) {
    outcome = signature_of(std::move(outcome));
    if (outcome) {
      shared->set(*outcome);
    } else {
      shared->fail(outcome.error());
    }
  };
  state_->pool->submit(std::move(work));
}

std::optional<std::vector<std::byte>> key::public_key() const { return state_->record->public_key; }
std::string key::name() const { return state_->record->name; }
token_stats key::stats() const { return state_->pool->stats(); }

result<std::vector<std::byte>> key::sign(const sign_request& request) {
  auto work = make_sign_job(*state_, request);
  return signature_of(run(*state_, work.what, std::move(work.work)));
}

// The plaintext goes round the pool, in what wipes it even when it comes too late for anybody to take it.
result<secret> key::decrypt(std::span<const std::byte> ciphertext) {
  const auto plain = std::make_shared<secret>();
  const der::bytes copy(ciphertext.begin(), ciphertext.end());
  auto outcome = run(*state_, other_work, [plain, copy](const signing_context& v) {
    der::bytes text;
    const auto rv = v.s.decrypt(v.key, v.record.kind.type, copy, v.authenticate, text);
    *plain = secret(std::span<const std::byte>(text));
    text.resize(text.capacity());
    internal::wipe(text);
    return answer_of(rv);
  });
  if (!outcome) return outcome.error();
  return std::move(*plain);
}

result<std::shared_ptr<key>> open_key(std::string_view text, const key_options& options) {
  auto u = uri::parse(text);
  if (!u) return u.error();
  if (u->type && *u->type != "private")
    return make_failure(errc::bad_uri, u->to_string(), "type=" + *u->type + " is no private key",
                        "leave the type out, or write type=private");
  auto path = choose_module(*u, options.module_path);
  if (!path) return path.error();
  auto lib = library::load(*path, options.module);
  if (!lib) return lib.error();
  auto pin = choose_pin(*u, options.pin);
  if (!pin) return pin.error();
  auto pool = token_pool::open(*lib, *u, std::move(*pin),
                               {options.sessions, options.queue_limit, options.max_written_off, options.hang_timeout});
  if (!pool) return pool.error();

  auto k = std::make_shared<key::state>();
  k->lib = std::move(*lib);
  k->pool = std::move(*pool);
  k->owner = ::getpid();
  k->timeout = options.timeout;
  k->record = std::make_shared<key_record>();
  k->record->search = {.type = CKO_PRIVATE_KEY, .label = u->object, .id = u->id};
  auto shown = u->clone();
  shown.pin_source.clear();
  k->record->name = shown.to_string();
  if (auto done = inspect(*k); !done) return done.error();
  return std::make_shared<key>(std::move(k));
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
