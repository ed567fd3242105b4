// SPDX-License-Identifier: Apache-2.0
// The promise of a signature: answered exactly once, from anywhere, at any time, and what becomes of other answers.
#include "core/signature_slot.hpp"
#include "support/flavour.hpp"
#include "support/signer.hpp"
#include "support/watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
constexpr auto no_deadline = std::chrono::steady_clock::time_point::max();

// A server that waits for its key, up to the moment it asks.
struct asking {
  explicit asking(signer::behaviour how, tls_version version = tls_version::tls1_3)
      : generated(signer_site("ec256", std::move(how))) {
    p.emplace(client_context(),
              server_context({.identities = {identity::from_chain(generated.chain, generated.key).value()},
                              .versions = {version, version},
                              .observer = watch}));
    p->client.handshake(p->client_io);
    EXPECT_EQ(p->server.handshake(p->server_io).next, want::application);
  }
  void start() {
    p->server.start_application_work(no_deadline, [this] { ++rung; });
  }
  step go_on() { return p->server.handshake(p->server_io); }

  std::shared_ptr<recorder> watch = std::make_shared<recorder>();
  signer_identity generated;
  std::optional<pair> p;
  std::atomic<int> rung{0};
};

TEST(signature_promise, answered_inside_start_rings_at_once) {
  asking a(nullptr);
  EXPECT_EQ(a.rung, 0);
  a.start();
  EXPECT_EQ(a.rung, 1);
  EXPECT_TRUE(a.p->handshake()) << why(*a.p);
  ASSERT_EQ(a.watch->signatures().size(), 1u);
  EXPECT_EQ(a.watch->signatures()[0].key, "test:signer");
  EXPECT_FALSE(a.watch->signatures()[0].error);
  EXPECT_TRUE(a.watch->warnings().empty());
}

TEST(signature_promise, answered_later_is_awaited_without_work) {
  held_request held;
  asking a(held.behaviour());
  a.start();
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(a.go_on().next, want::application);
  EXPECT_EQ(a.generated.key->requests().size(), 1u);
  EXPECT_EQ(a.rung, 0);
  auto promise = held.take();
  EXPECT_TRUE(promise.is_wanted());
  EXPECT_TRUE(promise.set(a.generated.key->sign(held.request())));
  EXPECT_EQ(a.rung, 1);
  EXPECT_TRUE(a.p->handshake()) << why(*a.p);
}

TEST(signature_promise, answered_by_another_thread_is_applied_on_the_connections_own) {
  std::vector<std::thread> workers;
  std::mutex gate;
  asking a([&](const signer& key, const sign_request& request, signature_promise promise) {
    const std::lock_guard lock(gate);
    workers.emplace_back([&key, request, promise = std::move(promise)]() mutable { promise.set(key.sign(request)); });
  });
  EXPECT_TRUE(a.p->handshake()) << why(*a.p);
  for (auto& w : workers) w.join();
}

TEST(signature_promise, answered_twice_refuses_the_second_and_reports_it) {
  bool second = true;
  asking a([&second](const signer& key, const sign_request& request, signature_promise promise) {
    EXPECT_TRUE(promise.set(key.sign(request)));
    second = promise.set(std::vector<std::byte>(70));
    failure error;
    error.code = make_error_code(errc::token_down);
    EXPECT_FALSE(promise.fail(error));
    EXPECT_FALSE(promise.is_wanted());
  });
  a.start();
  EXPECT_FALSE(second);
  EXPECT_EQ(a.watch->warnings(),
            std::vector<std::string>(2, "the private key test:signer answered the same request twice"));
  EXPECT_EQ(a.watch->signatures().size(), 1u);
  EXPECT_EQ(a.rung, 1);
  EXPECT_TRUE(a.p->handshake()) << why(*a.p);
}

// Whatever an observer does when it is told: nothing of the promise is locked meanwhile.
TEST(signature_promise, may_be_looked_at_by_the_observer_that_receives_it) {
  struct curious final : observer {
    std::weak_ptr<internal::signature_slot> slot;
    int looked = 0;
    void look() { looked += !slot.lock()->is_wanted(); }
    void on_warning(std::string_view) noexcept override { look(); }
    void on_signature(const signature_event&) noexcept override { look(); }
  };
  const auto watch = std::make_shared<curious>();
  const auto slot = std::make_shared<internal::signature_slot>("a key", watch);
  watch->slot = slot;
  auto promise = internal::signature_slot::promise_for(slot);
  const std::array<std::byte, 3> signature{};
  EXPECT_TRUE(promise.set(signature));
  EXPECT_FALSE(promise.set(signature));
  EXPECT_EQ(watch->looked, 2);
}

TEST(signature_promise, dropped_is_key_unavailable) {
  asking a([](const signer&, const sign_request&, signature_promise) {});
  a.start();
  EXPECT_EQ(a.rung, 1);
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
  const auto& error = a.p->server.last_failure();
  EXPECT_EQ(error.where, "test:signer");
  EXPECT_EQ(error.detail, "the key dropped the request");
  EXPECT_EQ(error.at, phase::signing);
  ASSERT_EQ(a.watch->signatures().size(), 1u);
  EXPECT_EQ(a.watch->signatures()[0].error->code, make_error_code(errc::key_unavailable));
}

TEST(signature_promise, dropped_later_is_key_unavailable) {
  held_request held;
  asking a(held.behaviour());
  a.start();
  { const auto dropped = held.take(); }
  EXPECT_EQ(a.rung, 1);
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
}

TEST(signature_promise, replaced_by_assignment_is_dropped) {
  held_request held;
  asking a(held.behaviour());
  a.start();
  auto promise = held.take();
  signature_promise other;
  promise = std::move(other);
  EXPECT_EQ(a.rung, 1);
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
}

TEST(signature_promise, of_a_key_that_throws_is_key_unavailable_with_its_words) {
  asking a([](const signer&, const sign_request&, signature_promise) { throw std::runtime_error("no session left"); });
  a.start();
  EXPECT_EQ(a.rung, 1);
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
  EXPECT_EQ(a.p->server.last_failure().detail, "no session left");
}

TEST(signature_promise, of_a_key_that_throws_after_it_took_the_promise_away_is_key_unavailable) {
  held_request held;
  const auto hold = held.behaviour();
  asking a([&hold](const signer& key, const sign_request& request, signature_promise promise) {
    hold(key, request, std::move(promise));
    throw 42;  // anything may be thrown: NOLINT(bugprone-std-exception-baseclass)
  });
  a.start();
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
  EXPECT_EQ(a.p->server.last_failure().detail, "unknown exception");
  EXPECT_FALSE(held.take().set(std::vector<std::byte>(70)));
  EXPECT_EQ(a.watch->warnings().size(), 1u);
}

TEST(signature_promise, of_a_key_that_throws_after_answering_counts_as_answered) {
  asking a([](const signer& key, const sign_request& request, signature_promise promise) {
    promise.set(key.sign(request));
    throw std::runtime_error("too late");
  });
  EXPECT_TRUE(a.p->handshake()) << why(*a.p);
}

TEST(signature_promise, failed_by_the_key_keeps_the_keys_failure) {
  asking a([](const signer&, const sign_request&, signature_promise promise) {
    failure error;
    error.code = make_error_code(errc::queue_full);
    error.detail = "64 wait already";
    error.token = "web";
    EXPECT_TRUE(promise.fail(std::move(error)));
  });
  a.start();
  const auto st = a.go_on();
  EXPECT_EQ(st.error, make_error_code(errc::queue_full));
  EXPECT_TRUE(st.error == errc::key_unavailable);
  EXPECT_EQ(a.p->server.last_failure().where, "test:signer");
  EXPECT_EQ(a.p->server.last_failure().token, "web");
  EXPECT_EQ(a.p->server.last_failure().at, phase::signing);
}

TEST(signature_promise, failed_without_a_code_is_key_unavailable) {
  asking a([](const signer&, const sign_request&, signature_promise promise) { promise.fail({}); });
  a.start();
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_unavailable));
}

TEST(signature_promise, answered_after_the_connection_is_gone_finds_nobody) {
  held_request held;
  auto a = std::make_unique<asking>(held.behaviour());
  a->start();
  const auto key = a->generated.key;
  auto promise = held.take();
  EXPECT_TRUE(promise.is_wanted());
  a->p.reset();
  EXPECT_FALSE(promise.is_wanted());
  EXPECT_TRUE(promise.set(key->sign(held.request())));
  EXPECT_EQ(a->rung, 0);
}

TEST(signature_promise, answered_after_the_deadline_finds_nobody) {
  held_request held;
  asking a(held.behaviour());
  a.start();
  a.p->server.expire_application_work();
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_timed_out));
  EXPECT_TRUE(a.p->server.last_failure().code == errc::key_unavailable);
  EXPECT_EQ(a.p->server.last_failure().where, "test:signer");
  EXPECT_GT(a.p->server.signing_time(), 0ns);
  auto promise = held.take();
  EXPECT_FALSE(promise.is_wanted());
  promise.set(a.generated.key->sign(held.request()));
  EXPECT_EQ(a.rung, 0);
  EXPECT_EQ(a.go_on().error, make_error_code(errc::key_timed_out));
  a.p->server.expire_application_work();  // nothing is left to expire
}

TEST(signature_promise, answered_after_the_connection_failed_finds_nobody) {
  held_request held;
  asking a(held.behaviour());
  a.start();
  failure error;
  error.code = make_error_code(errc::cancelled);
  a.p->server.fail(error);
  EXPECT_FALSE(held.take().is_wanted());
  EXPECT_EQ(a.go_on().error, make_error_code(errc::cancelled));
  EXPECT_EQ(a.rung, 0);
}

TEST(signature_promise, tells_the_key_the_deadline) {
  held_request held;
  asking a(held.behaviour());
  const auto deadline = std::chrono::steady_clock::now() + 5s;
  a.p->server.start_application_work(deadline, [] {});
  EXPECT_EQ(held.request().deadline, deadline);
}

TEST(signature_promise, starts_once_and_wakes_the_last_waiter) {
  held_request held;
  asking a(held.behaviour());
  int first = 0, last = 0;
  a.p->server.start_application_work(no_deadline, [&] { ++first; });
  a.p->server.start_application_work(no_deadline, [&] { ++last; });
  EXPECT_EQ(a.generated.key->requests().size(), 1u);
  held.take().set(a.generated.key->sign(held.request()));
  EXPECT_EQ(first, 0);
  EXPECT_EQ(last, 1);
  int after = 0;
  a.p->server.start_application_work(no_deadline, [&] { ++after; });
  EXPECT_EQ(after, 1);
  EXPECT_TRUE(a.p->handshake());
  a.p->server.start_application_work(no_deadline, [&] { ++after; });  // with nothing to start
  EXPECT_EQ(after, 2);
}

TEST(signature_promise, that_is_empty_is_answered_by_nobody) {
  signature_promise empty;
  EXPECT_FALSE(empty.is_wanted());
  EXPECT_FALSE(empty.set(std::vector<std::byte>(1)));
  EXPECT_FALSE(empty.fail({}));
}

// The race of an answer with the end of its connection: whichever comes first, nothing breaks.
TEST(signature_promise, may_be_answered_while_the_connection_goes) {
  for (int round = 0; round < 60; ++round) {
    held_request held;
    asking a(held.behaviour());
    a.start();
    const auto signature = a.generated.key->sign(held.request());
    std::thread worker([&signature, promise = held.take()]() mutable { promise.set(signature); });
    if (round % 3 == 0) a.p->server.expire_application_work();
    if (round % 3 == 1) a.p->server.reset();
    if (round % 3 == 2) a.go_on();
    worker.join();
    EXPECT_LE(a.rung, 1);
  }
}

}  // namespace
}  // namespace sluice::test
