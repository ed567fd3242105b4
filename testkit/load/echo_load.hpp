// SPDX-License-Identifier: Apache-2.0
// Connections that stay and have pings echoed: each as soon as the last is back, or by the clock.
#pragma once

#include "testkit/load/connection.hpp"
#include "testkit/load/echo_probe.hpp"
#include "testkit/load/load_share.hpp"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace sluice::testkit {

struct echo_settings {
  connection_settings connection;
  std::size_t connections = 1;
  std::optional<double> rate;  // pings a second, all connections together, spread evenly over them and over time
  std::size_t size = 32;       // bytes of a ping
};

// A connection that breaks is made anew, and what was on its way is a failure. By the clock: what became due meanwhile
// is sent late and counts from when it was due, and what never comes back is a failure too.
class echo_load final : public load_share {
 public:
  echo_load(boost::asio::io_context& io, context tls, echo_settings settings);
  void prepare() override;
  void begin(const load_window& when) override;
  std::optional<std::uint64_t> due_in_window() const override;

 private:
  boost::asio::awaitable<void> work(std::size_t place);
  boost::asio::awaitable<void> connect(std::optional<tcp_stream>& s);
  boost::asio::awaitable<void> ping_by_the_clock(std::size_t place, std::optional<tcp_stream>& s);
  boost::asio::awaitable<void> ping_without_rest(std::optional<tcp_stream>& s);
  ping_plan plan_of(std::size_t place) const;

  const context tls_;
  const echo_settings settings_;
};

}  // namespace sluice::testkit
