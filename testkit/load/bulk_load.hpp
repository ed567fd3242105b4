// SPDX-License-Identifier: Apache-2.0
// Connections that carry as much as they can, up, down or both ways.
#pragma once

#include "testkit/load/connection.hpp"
#include "testkit/load/load_share.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace sluice::testkit {

enum class bulk_direction { up, down, both };

struct bulk_settings {
  static constexpr std::size_t chunk = std::size_t{128} << 10;

  connection_settings connection;
  std::size_t connections = 1;
  bulk_direction direction = bulk_direction::down;
};

// An operation is one chunk written, or one read. Up wants a server that discards, down one that sends without being
// asked, both one that echoes. A connection that breaks is made anew; one that carries nothing is a failure.
class bulk_load final : public load_share {
 public:
  bulk_load(boost::asio::io_context& io, context tls, bulk_settings settings);
  void prepare() override;
  void begin(const load_window& when) override;

 private:
  // One connection, and those that came after it.
  struct carrier {
    std::optional<failure> error;
    std::uint64_t written = 0, read = 0;  // chunks
    void end(const tcp_stream& s, error_code ec);
  };

  boost::asio::awaitable<void> work();
  boost::asio::awaitable<void> carry(tcp_stream& s, carrier& c);
  boost::asio::awaitable<void> write_chunks(tcp_stream& s, carrier& c);
  boost::asio::awaitable<void> read_chunks(tcp_stream& s, carrier& c);
  boost::asio::awaitable<void> expect_nothing(tcp_stream& s, carrier& c);
  bool is_stalled(const carrier& c) const;
  bool is_over() const { return is_stopped_ || std::chrono::steady_clock::now() >= counts_.window().to; }

  const context tls_;
  const bulk_settings settings_;
};

}  // namespace sluice::testkit
