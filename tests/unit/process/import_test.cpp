// SPDX-License-Identifier: Apache-2.0
// Certificates and keys read by several threads at once, from the first use of the library on.
#include "support/child.hpp"
#include "support/flavour.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace sluice::test {
namespace {

struct material {
  std::string chain, key;
};

// A server of these and a client that trusts them, both new, shake hands.
bool works(const material& m) {
  const auto id = identity::from_pem(m.chain, m.key);
  const auto believed = trust::from_pem(root().certificate());
  if (!id || !believed) return false;
  pair p(context::client({.trust = *believed}).value(), context::server({.identities = {*id}}).value());
  return p.handshake() && p.client_to_server("hello") == "hello";
}

void import_at_once(const std::vector<material>& by_thread) {
  std::atomic<bool> go{false};
  std::atomic<int> succeeded{0};
  std::vector<std::thread> threads;
  threads.reserve(by_thread.size());
  for (const auto& m : by_thread) {
    threads.emplace_back([&] {
      const tls_library::thread_scope scope;
      while (!go) std::this_thread::yield();
      for (int round = 0; round < 5; ++round) succeeded += works(m);
    });
  }
  go = true;
  for (auto& t : threads) t.join();
  EXPECT_EQ(succeeded, 5 * static_cast<int>(by_thread.size()));
}

TEST(importing, different_certificates_at_once) {
  in_child([] {
    import_at_once({{site("ec256").chain, site("ec256").key}, {site("rsa2048").chain, site("rsa2048").key}});
  });
}

TEST(importing, the_same_certificate_twice_at_once_and_one_after_the_other) {
  in_child([] {
    const material one{site().chain, site().key};
    EXPECT_TRUE(works(one));
    EXPECT_TRUE(works(one));
    import_at_once({one, one});
  });
}

}  // namespace
}  // namespace sluice::test
