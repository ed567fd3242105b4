// SPDX-License-Identifier: Apache-2.0
// Much at once: a thousand handshakes with a token's key, a gibibyte each way, a reader that stops.
#include "support/certs.hpp"
#include "support/loop.hpp"
#include "support/pair.hpp"
#include "sluice/observe.hpp"
#include "sluice/pkcs11/key.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/strand.hpp>

#include <openssl/sha.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

namespace sluice::test {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_instrumented = true;
#else
constexpr bool is_instrumented = false;
#endif

double seconds_since(clock_type::time_point began) {
  return std::chrono::duration<double>(clock_type::now() - began).count();
}

void allow_open_files(rlim_t count) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_max, count) << "this machine allows too few open files";
  limit.rlim_cur = std::max(limit.rlim_cur, count);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

// --- A thousand handshakes ---

constexpr int clients = 1000;

// Keeps requests until all clients wait for theirs, then passes them on: a thousand handshakes are under way at once.
class gathering_key final : public private_key {
 public:
  explicit gathering_key(std::shared_ptr<private_key> behind) : behind_(std::move(behind)) {}
  std::optional<std::vector<std::byte>> public_key() const override { return behind_->public_key(); }
  std::string name() const override { return behind_->name(); }
  void start(const sign_request& request, signature_promise promise) override {
    std::vector<std::pair<sign_request, signature_promise>> all;
    {
      const std::lock_guard lock(gate_);
      waiting_.emplace_back(request, std::move(promise));
      if (waiting_.size() < clients) return;
      all.swap(waiting_);
    }
    for (auto& [what, answer] : all) behind_->start(what, std::move(answer));
  }

 private:
  std::shared_ptr<private_key> behind_;
  std::mutex gate_;
  std::vector<std::pair<sign_request, signature_promise>> waiting_;
};

struct crowd {
  asio::io_context io;
  std::shared_ptr<counters> seen = std::make_shared<counters>();
  std::atomic<int> connected = 0, accepted = 0, failed = 0, off_loop = 0;

  void note_loop() {
    if (!io.get_executor().running_in_this_thread()) ++off_loop;
  }
};

asio::awaitable<void> take(crowd& all, acceptor& in) {
  for (; all.accepted < clients;) {
    auto [ec, s] = co_await in.async_accept(use_tuple);
    if (ec) co_return;
    all.note_loop();
    ++all.accepted;
    auto strand = s.get_executor();
    asio::co_spawn(strand, echo(std::move(s)), asio::detached);
  }
  in.close();
}

asio::awaitable<void> join(crowd& all, context tls, std::string port, connect_options options) {
  auto [ec, s] = co_await async_connect(tls, "127.0.0.1", port, options, use_tuple);
  all.note_loop();
  if (ec) {
    ++all.failed;
    co_return;
  }
  std::string answer(5, '\0');
  auto [wrote, out] = co_await asio::async_write(s, asio::buffer("hello", 5), use_tuple);
  auto [read, in] = co_await asio::async_read(s, asio::buffer(answer), use_tuple);
  all.note_loop();
  ++(wrote || read || answer != "hello" ? all.failed : all.connected);
  co_await s.async_shutdown(use_tuple);
}

struct thousand_handshakes : ::testing::TestWithParam<int> {};

TEST_P(thousand_handshakes, with_a_key_in_a_token_all_succeed_on_their_loop) {
  ASSERT_NO_FATAL_FAILURE(allow_open_files(2 * clients + 100));
  const auto& site = token_site();
  const auto key = pkcs11::open_key(site.key_uri).value();
  crowd all;
  const auto gathering = std::make_shared<gathering_key>(key);
  const auto server =
      server_context({.identities = {identity::from_chain(site.chain, gathering).value()}, .observer = all.seen});
  const auto client = client_context();
  acceptor_options options{.handshake_timeout = 240s, .max_handshakes = clients};
  options.on_failure = [](const failure& error, const tcp::endpoint&) { ADD_FAILURE() << error.message(); };
  auto serial = asio::make_strand(all.io);
  acceptor in(serial, loopback(), server, options);
  const auto port = std::to_string(in.local_endpoint().port());
  spawn(serial, take(all, in));
  for (int i = 0; i < clients; ++i) {
    spawn(asio::make_strand(all.io), join(all, client, port, {.timeout = 240s}));
  }
  const auto began = clock_type::now();
  std::vector<std::jthread> threads;
  for (int i = 1; i < GetParam(); ++i) threads.emplace_back([&] { all.io.run_for(280s); });
  all.io.run_for(280s);
  threads.clear();
  std::printf("%d handshakes with a key in a token, %d thread(s): %.2f s\n", clients, GetParam(), seconds_since(began));
  EXPECT_TRUE(all.io.stopped()) << "the test hung";
  EXPECT_EQ(all.failed, 0);
  EXPECT_EQ(all.connected, clients);
  EXPECT_EQ(all.accepted, clients);
  EXPECT_EQ(all.off_loop, 0);
  const auto counted = all.seen->snapshot();
  EXPECT_EQ(counted.handshakes, static_cast<std::uint64_t>(clients));
  EXPECT_EQ(counted.handshakes_failed, 0u);
  EXPECT_EQ(counted.signatures, static_cast<std::uint64_t>(clients));
  EXPECT_EQ(key->stats().shed_full, 0u);
}

INSTANTIATE_TEST_SUITE_P(threads, thousand_handshakes, ::testing::Values(1, 4));

// --- Bulk ---

// What went, or came: how much, and its hash.
struct tally {
  std::size_t bytes = 0;
  SHA256_CTX hash{};
  tally() { SHA256_Init(&hash); }
  void add(const void* data, std::size_t size) {
    bytes += size;
    SHA256_Update(&hash, data, size);
  }
  std::string digest() {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> out;
    SHA256_Final(out.data(), &hash);
    return {out.begin(), out.end()};
  }
};

// Different data each time, in pieces of many sizes.
asio::awaitable<void> send(tcp_stream& s, std::size_t total, unsigned seed, tally& sent) {
  std::mt19937 random(seed);
  const std::string source = random_text(1 << 20, seed);
  while (sent.bytes < total) {
    const std::size_t size = std::min<std::size_t>(1 + random() % (300 * 1024), total - sent.bytes);
    const auto piece = asio::buffer(source.data() + random() % (source.size() - size), size);
    sent.add(piece.data(), size);
    auto [ec, n] = co_await asio::async_write(s, piece, use_tuple);
    EXPECT_FALSE(ec) << ec.message();
    EXPECT_EQ(n, size);
    if (ec) co_return;
  }
  auto [ec] = co_await s.async_shutdown_write(use_tuple);
  EXPECT_FALSE(ec) << ec.message();
}

asio::awaitable<void> receive(tcp_stream& s, std::size_t most, tally& came) {
  std::vector<char> buffer(128 * 1024);
  while (came.bytes < most) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(buffer), use_tuple);
    came.add(buffer.data(), n);
    if (ec == asio::error::eof) co_return;
    EXPECT_FALSE(ec) << ec.message();
    if (ec) co_return;
  }
}

TEST(bulk, of_a_gibibyte_each_way_at_once_arrives_exact) {
  constexpr std::size_t total = is_instrumented ? std::size_t{64} << 20 : std::size_t{1} << 30;
  asio::io_context io;
  joined_streams ends(io.get_executor(), client_context(), server_context());
  ends.shake_hands(io);
  tally up_sent, up_came, down_sent, down_came;
  spawn(io, send(ends.client, total, 1, up_sent));
  spawn(io, send(ends.server, total, 2, down_sent));
  spawn(io, receive(ends.server, all, up_came));
  spawn(io, receive(ends.client, all, down_came));
  const auto began = clock_type::now();
  run(io, 280s);
  std::printf("%zu MiB each way at once: %.2f s\n", total >> 20, seconds_since(began));
  EXPECT_EQ(up_came.bytes, total);
  EXPECT_EQ(down_came.bytes, total);
  EXPECT_TRUE(up_sent.digest() == up_came.digest());
  EXPECT_TRUE(down_sent.digest() == down_came.digest());
}

// --- A reader that stops ---

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

template <class Option>
std::size_t room(tcp_stream& s) {
  Option size;
  s.lowest_layer().get_option(size);
  return static_cast<std::size_t>(size.value());
}

TEST(reader_that_stops, stops_the_writer_at_once_and_both_go_on_later) {
  asio::io_context io;
  auto raw = join_sockets(io.get_executor());
  raw.server.set_option(asio::socket_base::send_buffer_size(128 * 1024));
  raw.client.set_option(asio::socket_base::receive_buffer_size(128 * 1024));
  joined_streams ends(std::move(raw), client_context(), server_context());
  ends.shake_hands(io);
  constexpr std::size_t total = 64 << 20;
  tally sent, came;
  spawn(io, receive(ends.client, 1 << 20, came));
  spawn(io, send(ends.server, total, 3, sent));
  ASSERT_TRUE(run_until(io, [&] { return came.bytes >= 1 << 20; }));
  const auto before = resident_bytes();

  // Nobody reads: until the writer has not come further for half a second.
  std::size_t seen = 0;
  while (std::exchange(seen, sent.bytes) != sent.bytes)
    run_until(
        io, [&] { return sent.bytes != seen; }, 1s);
  const auto on_the_way = sent.bytes - came.bytes;
  const auto in_the_kernel = room<asio::socket_base::send_buffer_size>(ends.server) +
                             room<asio::socket_base::receive_buffer_size>(ends.client);
  std::printf("a reader that stops: %zu KiB on their way, %zu KiB of socket buffers\n", on_the_way >> 10,
              in_the_kernel >> 10);
  EXPECT_LE(on_the_way, in_the_kernel + 300 * 1024 + 256 * 1024) << "one write under way, one step of records";
  EXPECT_LT(sent.bytes, total);
  if (!is_instrumented) {
    EXPECT_LT(resident_bytes(), before + (4 << 20));
  }

  spawn(io, receive(ends.client, all, came));
  run(io);
  EXPECT_EQ(came.bytes, total);
  EXPECT_TRUE(sent.digest() == came.digest());
}

}  // namespace
}  // namespace sluice::test
