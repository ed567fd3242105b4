// SPDX-License-Identifier: Apache-2.0
// RFC 8305: addresses of both families in turn, staggered, the first that connects wins.
#pragma once

#include "asio/socket_setup.hpp"
#include "sluice/asio/connect.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {

// RFC 8305 §4: the families alternate, the resolver's first choice leads.
std::vector<net::ip::tcp::endpoint> interleave(const net::ip::tcp::resolver::results_type& found);

// Everything runs on `serial`; sockets belong to `executor`. The callbacks are kept until they are called or
// stop() drops them; outstanding operations share the state, not this object.
// resolve() comes first, then run(), each once. After stop() no callback is called any more; the destructor stops.
class happy_eyeballs {
 public:
  using tcp = net::ip::tcp;
  using resolved = std::function<void(error_code)>;
  using connected = std::function<void(failure, tcp::socket)>;  // a failure without a code: none

  happy_eyeballs(const net::any_io_executor& executor, const net::any_io_executor& serial, socket_setup setup);
  ~happy_eyeballs();

  void resolve(const std::string& host, const std::string& service, resolved done);
  void run(connected done);
  void stop();
  const std::vector<connect_attempt>& attempts() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sluice
