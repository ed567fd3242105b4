// SPDX-License-Identifier: Apache-2.0
#include "verbs/policy/trial.hpp"

#include "client/probe.hpp"
#include "terminal/failure.hpp"

#include "sluice/dangerous.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <memory>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;

// A failure may name the policy under which we made our offer.
trial under_name(trial one, const std::string& name) {
  const auto named = "(policy " + one.policy + ")";
  if (one.error) {
    const auto at = one.error->detail.find(named);
    if (at != std::string::npos) one.error->detail.replace(at, named.size(), "(policy " + name + ")");
  }
  one.policy = name;
  return one;
}

class tour {
 public:
  tour(const trial_settings& settings, const std::vector<policy>& policies,
       std::function<void(std::size_t)> on_progress)
      : settings_(settings), policies_(policies), on_progress_(std::move(on_progress)) {
    made_.all.resize(policies.size());
    for (std::size_t i = 0; i < policies.size(); ++i) {
      made_.all[i].policy = policies[i].name;
      auto& twins = groups_[policies[i].fingerprint];
      if (twins.empty()) order_.push_back(&twins);
      twins.push_back(i);
    }
  }

  asio::awaitable<trials> run() {
    co_await find_address();
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer all_done(executor, asio::steady_timer::time_point::max());
    for (std::size_t i = 0; i < std::min(settings_.parallel, order_.size()); ++i) {
      ++running_;
      asio::co_spawn(executor, go_on(), [this, &all_done](std::exception_ptr e) {
        if (e && !thrown_) thrown_ = e;
        if (--running_ == 0) all_done.cancel();
      });
    }
    if (running_ > 0) co_await all_done.async_wait(asio::as_tuple(asio::use_awaitable));
    if (thrown_) std::rethrow_exception(thrown_);
    co_return std::move(made_);
  }

 private:
  // Names are looked up once, and addresses tried once. The outcome of the handshake does not matter yet.
  asio::awaitable<void> find_address() {
    const auto usual = plan_for("", true);
    const auto first = co_await probe(usual);
    const auto reached = first.reached();
    if (!reached) throw error(first.error.value_or(make_failure(errc::internal, settings_.to.text())));
    made_.address = *reached;
  }

  asio::awaitable<void> go_on() {
    while (next_ < order_.size() && !thrown_) {
      const auto& twins = *order_[next_++];
      const auto one = co_await try_one(policies_[twins.front()].name);
      for (const auto i : twins) made_.all[i] = under_name(one, made_.all[i].policy);
      done_ += twins.size();
      on_progress_(done_);
    }
  }

  asio::awaitable<trial> try_one(std::string name) {
    trial made{.policy = name, .info = {}, .distrust = {}, .error = {}};
    const auto verifying = plan_for(name, true);
    auto seen = co_await probe(verifying);
    if (seen.error && seen.error->category() == "certificate") {
      made.distrust = std::move(seen.error);
      const auto accepting = plan_for(name, false);
      seen = co_await probe(accepting);
    }
    made.error = std::move(seen.error);
    if (made.error) {
      made.distrust.reset();
    } else {
      made.info = std::move(seen.info);
    }
    co_return made;
  }

  client_plan plan_for(const std::string& name, bool verifies) const {
    client_plan made{.to = settings_.to,
                     .way = route(settings_.to),
                     .tls = context_for(name, verifies),
                     .server_name = settings_.server_name,
                     .timeout = settings_.timeout,
                     .address = {},
                     .is_verified = verifies,
                     .close_timeout = std::chrono::milliseconds(300)};
    if (made_.address != boost::asio::ip::tcp::endpoint()) made.address = made_.address.address().to_string();
    return made;
  }

  context context_for(const std::string& name, bool verifies) const {
    auto options = settings_.tls;
    options.policy = name;
    options.record_transcript = true;
    if (!verifies) {
      options.verify = dangerous::accept_any_certificate();
      options.observer =
          std::make_shared<observer>();  // the answer reports that nothing was verified; no warning besides
    }
    return context::client(options).value();
  }

  const trial_settings& settings_;
  const std::vector<policy>& policies_;
  std::function<void(std::size_t)> on_progress_;
  std::map<std::string, std::vector<std::size_t>> groups_;  // policies that are the same, by what they are
  std::vector<const std::vector<std::size_t>*> order_;
  std::size_t next_ = 0, done_ = 0, running_ = 0;
  std::exception_ptr thrown_;
  trials made_;
};

}  // namespace

asio::awaitable<trials> try_policies(const trial_settings& settings, const std::vector<policy>& policies,
                                     std::function<void(std::size_t)> on_progress) {
  const auto all = std::make_unique<tour>(settings, policies, std::move(on_progress));
  auto made = co_await all->run();
  co_return made;
}

}  // namespace sluice::tool
