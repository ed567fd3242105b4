// SPDX-License-Identifier: Apache-2.0
// The kinds of load. Each does a given number of operations a round, so that two runs ask the same of a server.
#pragma once

#include "bare/client.hpp"
#include "bare/config.hpp"
#include "common/rounds.hpp"
#include "common/settings.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bench {

class work {
 public:
  explicit work(const settings& given);
  virtual ~work() = default;
  work(const work&) = delete;
  work& operator=(const work&) = delete;

  virtual void prepare(std::uint64_t) {}  // what comes before the first round and is not counted
  virtual round_result run(std::uint64_t count) = 0;

 protected:
  client& add_client();
  void begin_one(client& one) { one.begin(ticket_); }
  std::size_t clients() const { return clients_.size(); }
  client& at(std::size_t number) { return *clients_[number]; }
  // Handles events until `pending_` operations are none.
  void run_pending();

  virtual void on_established(client& one) = 0;
  virtual void on_event(client& one) = 0;

  round_result result_;
  std::uint64_t pending_ = 0;
  std::string ticket_;  // the newest, if they are kept

 private:
  poller events_;
  outbox out_;
  engine_config tls_;
  std::uint16_t port_;
  std::vector<std::unique_ptr<client>> clients_;
};

// By the argument `work`: handshake, echo, download, upload, idle.
std::unique_ptr<work> make_work(const settings& given);

}  // namespace bench
