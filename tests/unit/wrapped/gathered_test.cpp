// SPDX-License-Identifier: Apache-2.0
// The buffers of a write are gathered once, and reach s2n where the program has them.
#include "unit/wrapped/sent_buffers.hpp"

#include "support/flavour.hpp"
#include "support/loop.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <gtest/gtest.h>

#include <iterator>
#include <list>

namespace sluice::test {
namespace {

// A sequence of buffers that counts how often one of them is read.
class counting_buffers {
 public:
  using value_type = asio::const_buffer;
  explicit counting_buffers(std::vector<asio::const_buffer> buffers, std::size_t& reads)
      : buffers_(std::move(buffers)), reads_(&reads) {}

  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = asio::const_buffer;
    using difference_type = std::ptrdiff_t;
    using pointer = const asio::const_buffer*;
    using reference = asio::const_buffer;
    const_iterator() = default;
    const_iterator(pointer at, std::size_t* reads) : at_(at), reads_(reads) {}
    reference operator*() const {
      ++*reads_;
      return *at_;
    }
    const_iterator& operator++() { return ++at_, *this; }
    const_iterator operator++(int) { return {at_++, reads_}; }
    const_iterator& operator--() { return --at_, *this; }
    const_iterator operator--(int) { return {at_--, reads_}; }
    bool operator==(const const_iterator& other) const { return at_ == other.at_; }

   private:
    pointer at_ = nullptr;
    std::size_t* reads_ = nullptr;
  };
  const_iterator begin() const { return {buffers_.data(), reads_}; }
  const_iterator end() const { return {buffers_.data() + buffers_.size(), reads_}; }

 private:
  std::vector<asio::const_buffer> buffers_;
  std::size_t* reads_;
};
static_assert(asio::is_const_buffer_sequence<counting_buffers>::value);

// What s2n has to get for `buffers`: the program's own bytes, but for what is above `room`.
void expect_sent(const std::vector<asio::const_buffer>& buffers, std::size_t room) {
  ASSERT_EQ(last_sent.parts.size(), buffers.size());
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(last_sent.parts[i].iov_base, buffers[i].data()) << i;
    EXPECT_EQ(last_sent.parts[i].iov_len, std::min(buffers[i].size(), room)) << i;
    room -= std::min(buffers[i].size(), room);
  }
}

struct gathered_stream : ::testing::TestWithParam<flavour> {
  gathered_stream() { ends.shake_hands(io); }
  std::vector<asio::const_buffer> cut(std::size_t count, std::size_t size) {
    std::vector<asio::const_buffer> buffers;
    buffers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) buffers.emplace_back(text.data() + i * size, size);
    return buffers;
  }
  std::size_t write(const std::vector<asio::const_buffer>& buffers) {
    outcome wrote;
    reads = 0;
    ends.client.async_write_some(counting_buffers(buffers, reads), wrote.handler());
    EXPECT_FALSE(wrote.wait(io)) << wrote.ec.message();
    return wrote.bytes;
  }

  asio::io_context io;
  joined_streams ends{io.get_executor(), client_context(), server_context({.versions = GetParam().versions()})};
  std::string text = random_text(256 * 1024);
  std::size_t reads = 0;
};

TEST_P(gathered_stream, reads_each_buffer_once_and_passes_it_on_in_place) {
  const auto buffers = cut(5, 100);
  EXPECT_EQ(write(buffers), 500u);
  EXPECT_EQ(reads, 5u);
  expect_sent(buffers, all);
}

TEST_P(gathered_stream, reads_sixteen_buffers_and_no_more) {
  auto buffers = cut(20, 100);
  EXPECT_EQ(write(buffers), 1600u);
  EXPECT_EQ(reads, 16u);
  buffers.resize(16);
  expect_sent(buffers, all);
}

TEST_P(gathered_stream, does_not_count_empty_buffers) {
  auto buffers = cut(3, 100);
  buffers.insert(buffers.begin() + 1, asio::const_buffer());
  EXPECT_EQ(write(buffers), 300u);
  expect_sent(cut(3, 100), all);
  EXPECT_EQ(write({asio::const_buffer()}), 0u);
  EXPECT_EQ(write({}), 0u);
}

TEST_P(gathered_stream, reads_buffers_up_to_128_KiB) {
  auto buffers = cut(6, 40'000);
  EXPECT_EQ(write(buffers), 128u * 1024);
  EXPECT_EQ(reads, 4u);
  buffers.resize(4);
  expect_sent(buffers, 128 * 1024);
}

// The ciphertext of a write that was cancelled is sent before anything of the next write is encrypted; the sequence of
// buffers has been destroyed by then.
TEST_P(gathered_stream, keeps_the_buffers_of_a_write_that_must_wait) {
  asio::cancellation_signal cancel;
  std::list<outcome> filling;
  do {  // until the socket takes no more
    filling.emplace_back();
    ends.client.async_write_some(asio::buffer(text),
                                 asio::bind_cancellation_slot(cancel.slot(), filling.back().handler()));
    run_ready(io);
  } while (filling.back().is_done);
  cancel.emit(asio::cancellation_type::partial);
  EXPECT_EQ(filling.back().wait(io), asio::error::operation_aborted);

  const auto buffers = cut(5, 100);
  last_sent = {};
  outcome wrote;
  ends.client.async_write_some(counting_buffers(buffers, reads), wrote.handler());
  EXPECT_TRUE(last_sent.parts.empty());
  std::size_t expected = 500;
  for (const auto& one : filling) expected += one.bytes;
  std::string arrived(expected, '\0');
  outcome read;
  asio::async_read(ends.server, asio::buffer(arrived), read.handler());
  EXPECT_FALSE(wrote.wait(io)) << wrote.ec.message();
  EXPECT_EQ(wrote.bytes, 500u);
  EXPECT_EQ(reads, 5u);
  expect_sent(buffers, all);
  EXPECT_FALSE(read.wait(io)) << read.ec.message();
  EXPECT_EQ(arrived.substr(expected - 500), text.substr(0, 500));
}

TEST_P(gathered_stream, passes_the_buffers_of_a_blocking_write_on_in_place) {
  const auto buffers = cut(5, 100);
  error_code ec;
  EXPECT_EQ(ends.client.write_some(counting_buffers(buffers, reads), ec), 500u);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(reads, 5u);
  expect_sent(buffers, all);
}

INSTANTIATE_TEST_SUITE_P(writes, gathered_stream, ::testing::Values(tls12, tls13), flavour_name);

// A list that one write encrypts whole is the one that s2n gets.
TEST(gathered_connection, passes_the_list_of_its_caller_on) {
  pair p = make_pair(tls13);
  ASSERT_TRUE(p.handshake());
  std::string text = random_text(300);
  const std::array<iovec, 3> list = {iovec{text.data(), 100}, {text.data() + 100, 100}, {text.data() + 200, 100}};
  EXPECT_EQ(p.client.write(p.client_io, list).bytes, 300u);
  EXPECT_EQ(last_sent.list, list.data());
  EXPECT_EQ(last_sent.parts.size(), 3u);
}

}  // namespace
}  // namespace sluice::test
