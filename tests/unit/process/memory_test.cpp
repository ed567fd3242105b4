// SPDX-License-Identifier: Apache-2.0
// Ten thousand connections for an ordinary user who may lock 8 MB: s2n's own allocator gives up at the 184th (P2).
#include "support/child.hpp"
#include "support/flavour.hpp"

#include <gtest/gtest.h>

#include <grp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

namespace sluice::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t sanitizer_overhead = 8;  // times as much
#else
constexpr std::size_t sanitizer_overhead = 1;
#endif

constexpr int ordinary_user = 65534;
constexpr rlim_t lock_limit = 8 << 20;

void become_ordinary() {
  const rlimit limit{lock_limit, lock_limit};
  ASSERT_EQ(::setrlimit(RLIMIT_MEMLOCK, &limit), 0);
  if (::getuid() == 0) {
    ASSERT_EQ(::setgroups(0, nullptr), 0);
    ASSERT_EQ(::setgid(ordinary_user), 0);
    ASSERT_EQ(::setuid(ordinary_user), 0);
  }
  ASSERT_NE(::getuid(), 0u);
  // The limit has teeth.
  const std::size_t more = 2 * lock_limit;
  void* block = ::mmap(nullptr, more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(::syscall(SYS_mlock, block, more), 0);  // sanitizers replace mlock() by nothing
  ::munmap(block, more);
}

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(ten_thousand_connections, fit_into_memory_for_an_ordinary_user) {
  in_child([] {
    root();
    site();
    become_ordinary();
    const auto client = client_context();
    const auto server = server_context();
    constexpr std::size_t pairs = 5000;
    std::vector<std::unique_ptr<pair>> all;
    all.reserve(pairs);
    {
      pair warm(client, server);
      ASSERT_TRUE(warm.handshake()) << why(warm);
    }

    const auto before = resident_bytes();
    while (all.size() < pairs) {
      auto p = std::make_unique<pair>(client, server);
      ASSERT_TRUE(p->handshake()) << all.size() << '\n' << why(*p);
      all.push_back(std::move(p));
    }
    const auto established = resident_bytes() - before;
    for (auto& p : all) {
      p->client.release_buffers();
      p->server.release_buffers();
    }
    std::printf("10,000 connections: %zu bytes resident each once established\n", established / (2 * pairs));
    EXPECT_LT(established / (2 * pairs), 40'000 * sanitizer_overhead);
    for (std::size_t i = 0; i < pairs; i += 500) {
      EXPECT_EQ(all[i]->client_to_server("still here"), "still here");
      EXPECT_EQ(all[i]->server_to_client("and here"), "and here");
    }
  });
}

// What a server of quiet connections keeps: the buffers are given back after each handshake.
TEST(ten_thousand_connections, that_are_quiet_take_little) {
  in_child([] {
    root();
    site();
    become_ordinary();
    const auto client = client_context();
    const auto server = server_context();
    constexpr std::size_t pairs = 5000;
    std::vector<std::unique_ptr<pair>> all;
    {
      pair warm(client, server);
      ASSERT_TRUE(warm.handshake()) << why(warm);
    }
    const auto before = resident_bytes();
    while (all.size() < pairs) {
      auto p = std::make_unique<pair>(client, server);
      ASSERT_TRUE(p->handshake()) << why(*p);
      step st;
      read_all(p->client, p->client_io, &st);  // takes what came after the handshake, if anything
      p->client.release_buffers();
      p->server.release_buffers();
      all.push_back(std::move(p));
    }
    const auto each = (resident_bytes() - before) / (2 * pairs);
    std::printf("10,000 quiet connections: %zu bytes resident each\n", each);
    EXPECT_LT(each, 20'000 * sanitizer_overhead);
  });
}

}  // namespace
}  // namespace sluice::test
