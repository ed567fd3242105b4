// SPDX-License-Identifier: Apache-2.0
// What waits for the transport leaves in order, and stays where it is while more is added.
#include "core/connection_impl.hpp"
#include "support/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::string text_of(const internal::output_queue& q) {
  return {reinterpret_cast<const char*>(q.front().data()), q.front().size()};
}

TEST(output_queue, keeps_what_it_has_when_more_is_added) {
  internal::output_queue q;
  EXPECT_TRUE(q.empty());
  q.append(bytes_of("first"));
  const auto leaving = q.front();
  q.append(bytes_of("second"));
  q.append(bytes_of("third"));
  EXPECT_EQ(q.front().data(), leaving.data()) << "somebody may be writing it";
  EXPECT_EQ(text_of(q), "first");
  q.pop(2);
  EXPECT_EQ(text_of(q), "rst");
  q.append(bytes_of("!"));
  q.pop(3);
  EXPECT_EQ(text_of(q), "secondthird!");
  q.pop(12);
  EXPECT_TRUE(q.empty());
  q.append(bytes_of("again"));
  EXPECT_EQ(text_of(q), "again");
  q.clear();
  EXPECT_TRUE(q.empty());
}

}  // namespace
}  // namespace sluice::test
