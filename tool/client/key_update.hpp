// SPDX-License-Identifier: Apache-2.0
// New keys for a connection on SIGUSR1.
#pragma once

#include "client/any_stream.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>

#include <memory>

namespace sluice::tool {

// From construction to destruction the signal is ours. The outcome of each is printed on stderr, for the person who
// sent it. Before follow() there is no connection that could have new keys.
class key_updates {
 public:
  explicit key_updates(const boost::asio::any_io_executor& executor);
  key_updates(const key_updates&) = delete;
  key_updates& operator=(const key_updates&) = delete;

  void follow(any_stream& s) { stream_ = &s; }  // which outlives this

 private:
  void wait();
  void answer() const;

  boost::asio::signal_set signals_;
  any_stream* stream_ = nullptr;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for a signal that came just before the end
};

}  // namespace sluice::tool
