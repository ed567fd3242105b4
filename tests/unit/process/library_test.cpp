// SPDX-License-Identifier: Apache-2.0
// The one start of the library, in every state a process can be in.
#include "support/child.hpp"
#include "support/flavour.hpp"

#include <s2n.h>
#include <unstable/cleanup.h>

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>

namespace sluice::test {
namespace {

bool can_shake_hands() {
  pair p(client_context(), server_context());
  return p.handshake() && p.client_to_server("hello") == "hello";
}

TEST(library_start, happens_once_and_by_itself) {
  in_child([] {
    EXPECT_FALSE(tls_library::is_started());
    EXPECT_TRUE(can_shake_hands());
    EXPECT_TRUE(tls_library::is_started());
    EXPECT_TRUE(tls_library::start());
    EXPECT_TRUE(tls_library::start());
  });
}

TEST(library_start, from_many_threads_at_once_is_one_start) {
  in_child([] {
    root();  // its keys are made once, before
    site();
    std::atomic<bool> go{false};
    std::atomic<int> succeeded{0};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        const tls_library::thread_scope scope;
        while (!go) std::this_thread::yield();
        if (tls_library::start() && tls_library::is_started() && can_shake_hands()) ++succeeded;
      });
    }
    go = true;
    for (auto& t : threads) t.join();
    EXPECT_EQ(succeeded, 8);
  });
}

TEST(library_start, tolerates_an_s2n_that_the_program_started_and_leaves_it_running) {
  in_child([] {
    ASSERT_EQ(s2n_init(), S2N_SUCCESS);
    EXPECT_TRUE(tls_library::start());
    EXPECT_TRUE(can_shake_hands());
    EXPECT_TRUE(tls_library::stop());
    EXPECT_FALSE(tls_library::is_started());
    auto* theirs = s2n_connection_new(S2N_CLIENT);  // still theirs to use
    EXPECT_NE(theirs, nullptr);
    s2n_connection_free(theirs);
    EXPECT_TRUE(can_shake_hands());
    EXPECT_TRUE(tls_library::stop());
    EXPECT_EQ(s2n_cleanup_final(), S2N_SUCCESS);
  });
}

// P1: s2n would recurse without end at the first error, and every would-block is one.
TEST(library_start, survives_a_request_for_stack_traces) {
  for (const bool is_theirs : {false, true}) {
    in_child([is_theirs] {
      ::setenv("S2N_PRINT_STACKTRACE", "1", 1);
      ASSERT_EQ(is_theirs ? s2n_init() : S2N_SUCCESS, S2N_SUCCESS);
      EXPECT_TRUE(tls_library::start());
      EXPECT_TRUE(can_shake_hands());
    });
  }
}

TEST(library_stop, is_refused_while_anything_is_in_use) {
  in_child([] {
    const auto expect_in_use = [] {
      const auto stopped = tls_library::stop();
      ASSERT_FALSE(stopped);
      EXPECT_EQ(stopped.error().code, make_error_code(errc::in_use));
    };
    std::optional<identity> id = site_identity();
    expect_in_use();
    std::optional<context> ctx = context::server({.identities = {*id}}).value();
    id.reset();
    expect_in_use();
    std::optional<connection> tls(std::in_place, *ctx, role::server);
    ctx.reset();
    expect_in_use();
    tls.reset();
    EXPECT_TRUE(tls_library::stop());
    EXPECT_FALSE(tls_library::is_started());
    EXPECT_TRUE(tls_library::stop());  // nothing to stop
  });
}

TEST(library_stop, may_be_followed_by_another_start) {
  in_child([] {
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(can_shake_hands()) << round;
      EXPECT_TRUE(tls_library::stop()) << round;
    }
  });
}

TEST(library_stop, in_one_thread_is_safe_for_contexts_made_in_another) {
  in_child([] {
    const auto chain = site().chain, key = site().key, anchor = root().certificate();
    std::atomic<bool> is_done{false};
    std::atomic<int> stops{0};
    std::thread other([&] {
      while (!is_done) {
        if (tls_library::stop()) ++stops;
      }
    });
    // On a busy machine the other thread may be away whenever nothing is in use.
    for (int round = 0; round < 200 || stops == 0; ++round) {
      std::this_thread::yield();
      const auto client = context::client({.trust = trust::from_pem(anchor).value()}).value();
      const auto server = context::server({.identities = {identity::from_pem(chain, key).value()}}).value();
      pair p(client, server);
      EXPECT_TRUE(p.handshake()) << round << '\n' << why(p);
    }
    is_done = true;
    other.join();
  });
}

TEST(library_stop, is_not_needed_before_the_end) {
  in_child([] { EXPECT_TRUE(can_shake_hands()); });
}

std::atomic<long> blocks{0};
std::atomic<long> bytes_taken{0};
std::atomic<bool> was_wiped{true};
std::atomic<long> fail_at{-1};  // the n-th allocation from now

void* counted(std::size_t bytes) noexcept {
  if (fail_at >= 0) {
    if (fail_at-- == 0) return nullptr;
  }
  ++blocks;
  bytes_taken += static_cast<long>(bytes);
  return std::malloc(bytes);
}

void uncounted(void* memory, std::size_t bytes) noexcept {
  --blocks;
  const auto* at = static_cast<const unsigned char*>(memory);
  if (std::any_of(at, at + bytes, [](unsigned char b) { return b != 0; })) was_wiped = false;
  std::free(memory);
}

TEST(library_allocator, replaced_before_the_start_gives_all_memory_and_gets_it_back_wiped) {
  in_child([] {
    ASSERT_TRUE(tls_library::set_allocator({counted, uncounted}));
    EXPECT_TRUE(can_shake_hands());
    EXPECT_GT(bytes_taken, 30'000);
    EXPECT_GT(blocks, 0);
    EXPECT_TRUE(tls_library::stop());
    EXPECT_EQ(blocks, 0);
    EXPECT_TRUE(was_wiped);
  });
}

TEST(library_allocator, replaced_after_the_start_is_an_error_and_changes_nothing) {
  in_child([] {
    ASSERT_TRUE(tls_library::start());
    const auto replaced = tls_library::set_allocator({counted, uncounted});
    ASSERT_FALSE(replaced);
    EXPECT_EQ(replaced.error().code, make_error_code(errc::in_use));
    EXPECT_TRUE(can_shake_hands());
    EXPECT_EQ(blocks, 0);
    ASSERT_TRUE(tls_library::stop());
    EXPECT_TRUE(tls_library::set_allocator({counted, uncounted}));
    EXPECT_TRUE(can_shake_hands());
    EXPECT_GT(blocks, 0);
  });
}

TEST(library_allocator, needs_both_functions) {
  in_child([] {
    EXPECT_EQ(tls_library::set_allocator({counted, nullptr}).error().code, make_error_code(errc::invalid_argument));
    EXPECT_EQ(tls_library::set_allocator({nullptr, uncounted}).error().code, make_error_code(errc::invalid_argument));
    EXPECT_TRUE(can_shake_hands());
    EXPECT_EQ(blocks, 0);
  });
}

// The engine's memory ends at the n-th request: an error somewhere, and everything still comes apart. s2n loses some
// memory of its own when it cannot finish making a connection.
TEST(library_allocator, that_has_nothing_left_is_an_error_and_no_crash) {
  const auto body = [] {
    ASSERT_TRUE(tls_library::set_allocator({counted, uncounted}));
    const auto client = client_context();
    const auto server = server_context();
    int failed = 0;
    for (long n = 0;; ++n) {
      fail_at = n;
      pair p(client, server);
      const bool done = p.handshake();
      const bool was_hit = fail_at < 0;
      fail_at = -1;
      if (!was_hit) {
        EXPECT_TRUE(done);
        break;
      }
      if (!done) ++failed;
      EXPECT_EQ(done, !p.client.has_failed() && !p.server.has_failed()) << n;
    }
    EXPECT_GT(failed, 20);
  };
  in_child(body, leaks::tolerated);
}

}  // namespace
}  // namespace sluice::test
