// SPDX-License-Identifier: Apache-2.0
// One key on several tokens: asked in order of load, until one answers.
#include "pkcs11/access.hpp"
#include "pkcs11/key_state.hpp"

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

// A request is with one token at a time. When that one fails, the next is asked on the thread that reports the failure,
// which submit() does not block; so each token has at most the time-out of its key, and all of them together the
// request's deadline.
class key_group final : public private_key {
 public:
  explicit key_group(std::vector<std::shared_ptr<key>> keys) : keys_(std::move(keys)) {}

  void start(const sign_request& request, signature_promise promise) override {
    std::vector<std::shared_ptr<key::state>> order;
    order.reserve(keys_.size());
    for (const auto& one : keys_) order.push_back(access::state(*one));
    if (auto refused = refuse_after_fork(*order.front())) {
      promise.fail(std::move(*refused));
      return;
    }
    std::vector<std::pair<double, std::shared_ptr<key::state>>> by_load;
    by_load.reserve(order.size());
    for (auto& one : order) by_load.emplace_back(one->pool->load(), one);
    std::ranges::stable_sort(by_load, {}, &std::pair<double, std::shared_ptr<key::state>>::first);
    std::ranges::transform(by_load, order.begin(), [](const auto& pair) { return pair.second; });
    try_next(std::move(order), request, std::make_shared<signature_promise>(std::move(promise)));
  }

  std::optional<std::vector<std::byte>> public_key() const override {
    for (const auto& one : keys_) {
      if (auto known = one->public_key()) return known;
    }
    return std::nullopt;
  }

  std::string name() const override {
    return keys_.front()->name() + " and " + std::to_string(keys_.size() - 1) + " more";
  }

 private:
  static void try_next(std::vector<std::shared_ptr<key::state>> order, const sign_request& request,
                       const std::shared_ptr<signature_promise>& promise) {
    const auto k = order.front();
    order.erase(order.begin());
    auto work = make_sign_job(*k, request);
    work.is_wanted = [promise] { return promise->is_wanted(); };
    work.done = [k, order = std::move(order), request, promise](result<der::bytes> outcome) mutable {
      outcome = signature_of(std::move(outcome));
      if (outcome) {
        promise->set(*outcome);
      } else if (order.empty() || !promise->is_wanted()) {
        // The last failure is reported: the tokens before it had the same chance, and their statistics have their own.
        promise->fail(outcome.error());
      } else {
        try_next(std::move(order), request, promise);
      }
    };
    k->pool->submit(std::move(work));
  }

  const std::vector<std::shared_ptr<key>> keys_;
};

}  // namespace

result<std::shared_ptr<private_key>> open_key(std::span<const std::string> uris, const key_options& options) {
  if (uris.empty()) return make_failure(errc::bad_uri, "key", "no URI was given");
  std::vector<std::shared_ptr<key>> keys;
  for (const auto& one : uris) {
    auto opened = open_key(one, options);
    if (!opened) return opened.error();
    keys.push_back(std::move(*opened));
    const auto& first = keys.front();
    const auto& last = keys.back();
    if (first->public_key() && last->public_key() && first->public_key() != last->public_key()) {
      return make_failure(errc::key_mismatch, last->name(), "it is another key than " + first->name(),
                          "copies of one key must have the same public half");
    }
  }
  if (keys.size() == 1) return std::shared_ptr<private_key>(keys.front());
  return std::shared_ptr<private_key>(std::make_shared<key_group>(std::move(keys)));
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
