// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/key.hpp"

#include "pkcs11/key_attributes.hpp"
#include "pkcs11/key_state.hpp"
#include "pkcs11/module_choice.hpp"

#include <unistd.h>

#include <future>

namespace sluice::inline v0::pkcs11 {
namespace {

using time_point = job::time_point;

failure timed_out(const std::string& name, std::chrono::milliseconds patience) {
  auto why = config_failure(errc::key_timed_out, name, "no answer within " + std::to_string(patience.count()) + " ms",
                            "see whether the token or the service behind it answers at all");
  why.at = phase::signing;
  return why;
}

// Submits and waits. What comes too late finds nobody.
result<der::bytes> run(key::state& k, std::function<CK_RV(const bench_vise&, der::bytes&)> work) {
  if (auto refused = refuse_after_fork(k)) return *refused;
  auto promise = std::make_shared<std::promise<result<der::bytes>>>();
  auto answer = promise->get_future();
  k.pool->submit({.key = k.record,
                  .work = std::move(work),
                  .done = [promise](result<der::bytes> outcome) { promise->set_value(std::move(outcome)); },
                  .deadline = std::chrono::steady_clock::now() + k.patience});
  if (answer.wait_for(k.patience + std::chrono::milliseconds(50)) != std::future_status::ready) {
    return timed_out(k.record->name, k.patience);
  }
  return answer.get();
}

// Reads what the token tells of the key, into the record: the first piece of work done with it.
result<void> inspect(key::state& k) {
  const auto facts = std::make_shared<std::optional<result<key_facts>>>();
  const auto public_key = std::make_shared<std::optional<der::bytes>>();
  const auto search = k.record->search;
  const auto name = k.record->name;
  auto done = run(k, [=](const bench_vise& v, der::bytes&) {
    *facts = read_facts(v.s, v.key, name);
    *public_key = read_public_key(v.s, v.key, search);
    return CKR_OK;
  });
  if (!done) return done.error();
  if (!**facts) return (*facts)->error();
  const auto& read = (*facts)->value();
  if (!read.can_sign) {
    return config_failure(errc::key_refused, name, "its CKA_SIGN is false", "create the key with CKA_SIGN true");
  }
  // A record is the pool's from now on, and never changes: a new one with what was learned takes its place.
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
  auto why = config_failure(errc::key_unavailable, k.record->name, "the key was opened before fork()",
                            "open it again in the child: PKCS#11 does not survive a fork");
  why.at = phase::signing;
  return why;
}

key::key(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
key::~key() = default;

job make_sign_job(const key::state& k, const sign_request& request) {
  return {.key = k.record,
          .work =
              [request](const bench_vise& v, der::bytes& out) {
                return v.s.sign(v.key, v.record.kind, request, v.authenticate, out);
              },
          .deadline = std::min(request.deadline, std::chrono::steady_clock::now() + k.patience)};
}

// An empty signature is what session::sign makes of r‖s that is none.
result<der::bytes> check_signature(result<der::bytes> outcome, const key::state& k) {
  if (outcome && outcome->empty()) {
    auto why = config_failure(errc::encoding_error, k.record->name, "the signature has an odd or empty length");
    why.token = k.pool->label();
    return why;
  }
  if (!outcome) {
    auto why = outcome.error();
    why.at = phase::signing;
    return why;
  }
  return outcome;
}

void key::start(const sign_request& request, signature_promise promise) {
  if (auto refused = refuse_after_fork(*state_)) {
    promise.fail(std::move(*refused));
    return;
  }
  auto work = make_sign_job(*state_, request);
  const auto shared = std::make_shared<signature_promise>(std::move(promise));
  work.is_wanted = [shared] { return shared->is_wanted(); };
  work.done = [shared, k = state_](result<der::bytes> outcome) {
    outcome = check_signature(std::move(outcome), *k);
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
const std::shared_ptr<key::state>& key::shared() const noexcept { return state_; }

result<std::vector<std::byte>> key::sign(const sign_request& request) {
  return check_signature(run(*state_, make_sign_job(*state_, request).work), *state_);
}

result<secret> key::decrypt(std::span<const std::byte> ciphertext) {
  auto outcome =
      run(*state_, [copy = der::bytes(ciphertext.begin(), ciphertext.end())](const bench_vise& v, der::bytes& out) {
        return v.s.decrypt(v.key, v.record.kind.type, copy, v.authenticate, out);
      });
  if (!outcome) return outcome.error();
  secret plain{std::span<const std::byte>(*outcome)};
  explicit_bzero(outcome->data(), outcome->size());
  return plain;
}

result<std::shared_ptr<key>> open_key(std::string_view text, const key_options& options) {
  auto u = uri::parse(text);
  if (!u) return u.error();
  auto path = choose_module(*u, options.module_path);
  if (!path) return path.error();
  auto lib = library::load(*path, options.module);
  if (!lib) return lib.error();
  auto pin = choose_pin(*u, options.pin);
  if (!pin) return pin.error();
  auto pool = token_pool::open(std::move(*lib), *u, std::move(*pin),
                               {options.sessions, options.queue_limit, options.most_written_off});
  if (!pool) return pool.error();

  auto k = std::make_shared<key::state>();
  k->pool = std::move(*pool);
  k->owner = ::getpid();
  k->patience = options.patience;
  k->record = std::make_shared<key_record>();
  k->record->search = {.type = CKO_PRIVATE_KEY, .label = u->object, .id = u->id};
  auto shown = u->clone();
  shown.pin_source.clear();
  k->record->name = shown.to_string();
  if (auto done = inspect(*k); !done) return done.error();
  return std::make_shared<key>(std::move(k));
}

}  // namespace sluice::inline v0::pkcs11
