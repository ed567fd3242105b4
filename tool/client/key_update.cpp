// SPDX-License-Identifier: Apache-2.0
#include "client/key_update.hpp"

#include "terminal/screen.hpp"

#include <csignal>
#include <string>

namespace sluice::tool {

key_updates::key_updates(const boost::asio::any_io_executor& executor) : signals_(executor, SIGUSR1) { wait(); }

void key_updates::wait() {
  signals_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](boost::system::error_code ec, int) {
    if (ec || alive.expired()) return;
    answer();
    wait();
  });
}

void key_updates::answer() const {
  const screen notes(stderr);
  const auto ec = stream_ == nullptr ? make_error_code(errc::not_ready) : stream_->request_key_update();
  std::string words = "new keys go with the next bytes that are sent";
  if (ec == errc::version_unsupported) {
    words = "no new keys: " + stream_->info().version + " has no way to change them";
  } else if (ec) {
    words = "no new keys: " + ec.message();
  }
  notes.line("sluice: SIGUSR1: " + words);
  notes.flush();
}

}  // namespace sluice::tool
