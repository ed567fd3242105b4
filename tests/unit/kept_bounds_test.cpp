// SPDX-License-Identifier: Apache-2.0
// How much of what a peer sends is kept for showing it.
#include "core/flight.hpp"
#include "core/wire/message_tap.hpp"
#include "support/bytes.hpp"
#include "support/wiretap.hpp"

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

// Type 0 (HelloRequest), with a body that it does not have.
std::string message(std::size_t size) {
  return std::string{0, static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
}

TEST(kept_bounds, a_flight_is_kept_to_128_kib) {
  constexpr std::size_t most = 128 * 1024, body = 1000;
  const auto one = record_bytes(handshake_record, message(body) + std::string(body, 'x'));
  for (const std::size_t pieces : {1u, 7u}) {
    internal::flight_record flight;
    std::string all;
    for (std::size_t i = 0; i < 400; ++i) all += one;
    for (std::string_view rest = all; !rest.empty();) {
      const auto n = std::min(rest.size(), all.size() / pieces + 1);
      flight.saw(bytes_of(rest.substr(0, n)));
      rest.remove_prefix(n);
    }
    EXPECT_EQ(flight.messages().messages.size(), most / one.size());
  }
}

struct listener final : observer {
  bool wants_messages() const noexcept override { return true; }
  void on_message(const message_event& event) noexcept override { sizes.push_back(event.size); }
  std::vector<std::size_t> sizes;
};

TEST(kept_bounds, a_message_is_kept_to_256_kib) {
  static constexpr std::size_t most = 256 * 1024, in_record = 16384;
  const auto tell = [](std::size_t more) {
    listener heard;
    internal::message_tap tap(heard, true);
    const auto see = [&](const std::string& text) {
      tap.saw(internal::message_tap::way::in, bytes_of(record_bytes(handshake_record, text)));
      tap.report();
    };
    see(message(0xffffff));  // never whole
    for (std::size_t kept = 4; kept < most + more;) {
      const auto size = std::min(in_record, most + more - kept);
      see(std::string(size, 'x'));
      kept += size;
    }
    see(message(0));
    return heard.sizes;
  };
  EXPECT_EQ(tell(0), std::vector<std::size_t>{}) << "it is still part of the large one";
  EXPECT_EQ(tell(1), std::vector<std::size_t>{4}) << "that one was given up";
}

}  // namespace
}  // namespace sluice::test
