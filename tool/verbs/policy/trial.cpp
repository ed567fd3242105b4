// SPDX-License-Identifier: Apache-2.0
#include "verbs/policy/trial.hpp"

#include "terminal/failure.hpp"
#include "testkit/coroutines/close_notify.hpp"

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

struct outcome {
  std::optional<connection_info> info;
  std::optional<failure> why;
};

// One handshake, and a goodbye: a server may yet refuse our certificate.
asio::awaitable<outcome> shake_hands(const trial_settings& settings, context tls, std::string host, std::string port,
                                     connect_report& story) {
  outcome made;
  failure why;
  const connect_options wishes{
      .timeout = settings.limit, .server_name = settings.server_name, .failure = &why, .report = &story};
  auto done = co_await async_connect(tls, host, port, wishes, asio::as_tuple(asio::use_awaitable));
  if (std::get<0>(done)) {
    made.why = why;
    co_return made;
  }
  auto& s = std::get<1>(done);
  made.info = s.info();
  made.why = co_await testkit::exchange_close_notify(s, std::chrono::milliseconds(300));
  if (made.why) made.info.reset();
  co_return made;
}

// A failure may say under which policy we offered what we did.
trial under_name(trial one, const std::string& name) {
  const auto said = "(policy " + one.policy + ")";
  if (one.why) {
    const auto at = one.why->detail.find(said);
    if (at != std::string::npos) one.why->detail.replace(at, said.size(), "(policy " + name + ")");
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
  // Names are looked up once, and addresses tried once. What the handshake comes to does not matter yet.
  asio::awaitable<void> find_address() {
    connect_report story;
    const auto usual = context_for("", true);
    const auto first = co_await shake_hands(settings_, usual, settings_.to.host, settings_.to.port, story);
    const auto won = std::ranges::find_if(story.attempts, [](const connect_attempt& a) { return !a.error; });
    if (won != story.attempts.end()) {
      made_.address = won->endpoint;
    } else {
      throw error(first.why.value_or(make_failure(errc::internal, settings_.to.text())));
    }
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
    trial made{.policy = name, .info = {}, .distrust = {}, .why = {}};
    auto first = co_await visit(name, true);
    if (first.why && first.why->category() == "certificate") {
      made.distrust = std::move(first.why);
      first = co_await visit(name, false);
    }
    made.info = std::move(first.info);
    made.why = std::move(first.why);
    if (made.why) made.distrust.reset();
    co_return made;
  }

  asio::awaitable<outcome> visit(std::string name, bool verifies) {
    const auto host = made_.address.address().to_string();
    const auto port = std::to_string(made_.address.port());
    connect_report story;
    const auto tls = context_for(name, verifies);
    auto made = co_await shake_hands(settings_, tls, host, port, story);
    if (made.why && made.why->where.empty()) made.why->where = settings_.to.text();
    co_return made;
  }

  context context_for(const std::string& name, bool verifies) const {
    auto options = settings_.tls;
    options.policy = name;
    if (!verifies) {
      options.verify = dangerous::accept_any_certificate();
      options.observer = std::make_shared<observer>();  // the answer says that nobody verified; no warning besides
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
