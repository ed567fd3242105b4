// SPDX-License-Identifier: Apache-2.0
#include "asio/happy_eyeballs.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <list>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

using clock_type = std::chrono::steady_clock;
constexpr auto stagger = std::chrono::milliseconds(250);  // RFC 8305 §5: "Connection Attempt Delay"

// Without a descriptor no file of names can be read and no server asked, which the resolver reports as a name that is
// not there.
error_code cause_of_no_answer(const error_code& ec) {
  if (!ec || ec == net::error::operation_aborted) return ec;
  // Asked by trying: the limit and the number that are open are no answer, since another thread may open one in
  // between.
  const int probe = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (probe >= 0) {
    ::close(probe);
    return ec;
  }
  return errno == EMFILE || errno == ENFILE ? error_code(errno, boost::system::system_category()) : ec;
}

}  // namespace

std::vector<net::ip::tcp::endpoint> interleave(const net::ip::tcp::resolver::results_type& found) {
  std::vector<net::ip::tcp::endpoint> first, second, mixed;
  for (const auto& entry : found) {
    const bool leads = first.empty() || entry.endpoint().protocol() == first.front().protocol();
    (leads ? first : second).push_back(entry.endpoint());
  }
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

// `connected_` is empty once there is an outcome or nobody waits for one: every completion that comes later finds that
// and stops. An attempt whose duration is zero is under way. Sockets are in a list, because operations refer to them
// while others are added; those that lost are closed in stop() and go with the state.
struct happy_eyeballs::state : std::enable_shared_from_this<state> {
  state(const net::any_io_executor& executor, const net::any_io_executor& serial, socket_setup setup)
      : executor_(executor), serial_(serial), setup_(std::move(setup)), resolver_(executor), next_(executor) {}

  void resolve(const std::string& host, const std::string& service) {
    resolver_.async_resolve(host, service,
                            net::bind_executor(serial_, [self = shared_from_this()](error_code ec, const auto& found) {
                              // stop() came first: resolver_.cancel() does not take back what is queued already.
                              if (!self->resolved_) return;
                              self->endpoints_ = interleave(found);
                              if (!ec && self->endpoints_.empty()) ec = net::error::host_not_found;
                              std::exchange(self->resolved_, nullptr)(cause_of_no_answer(ec));
                            }));
  }

  void start() {
    // An address that the local one cannot reach would fail at once, and be reported as the first failure.
    std::erase_if(endpoints_, [this](const auto& to) { return !setup_.can_reach(to); });
    if (!endpoints_.empty()) return start_next();
    finish(make_failure(errc::unreachable, "", "it has no address of the family of " + setup_.local->to_string()),
           tcp::socket(executor_));
  }

  // Runs by its timer, and at once when an attempt has failed. Each address is tried once, in order, and the timer is
  // set only while there is another one.
  void start_next() {
    if (!connected_ || tried_ == endpoints_.size()) return;
    const auto index = tried_++;
    attempts_.push_back(
        {.endpoint = endpoints_[index], .began = clock_type::now() - began_, .duration = {}, .error = {}});
    // On the executor of the caller: the winner becomes the stream's socket. Only the completions are bound to the
    // strand.
    sockets_.emplace_back(executor_);
    const auto socket = std::prev(sockets_.end());
    if (auto ready = setup_.prepare(*socket, endpoints_[index]); !ready) {
      return attempt_ended(index, *socket, ready.error());
    }
    socket->async_connect(endpoints_[index],
                          net::bind_executor(serial_, [self = shared_from_this(), index, socket](error_code ec) {
                            self->attempt_ended(index, *socket, make_failure(ec));
                          }));
    if (tried_ == endpoints_.size()) return;
    next_.expires_after(stagger);
    next_.async_wait(net::bind_executor(serial_, [self = shared_from_this()](error_code ec) {
      if (!ec) self->start_next();
    }));
  }

  // A failure starts the next attempt at once: RFC 8305 §5 has the delay for attempts that have no answer yet. The
  // first failure is the one that is reported.
  void attempt_ended(std::size_t index, tcp::socket& socket, failure error) {
    if (!connected_) return;
    auto& attempt = attempts_[index];
    attempt.duration = clock_type::now() - began_ - attempt.began;
    attempt.error = error.code;
    ++ended_;
    if (!error.code) return finish({}, std::move(socket));
    if (!first_failure_.code) first_failure_ = std::move(error);
    if (ended_ == endpoints_.size()) return finish(std::move(first_failure_), tcp::socket(executor_));
    next_.cancel();
    start_next();
  }

  void finish(failure error, tcp::socket winner) {
    // Taken out before it is called: it may destroy what owns this state, or begin another try.
    const auto done = std::exchange(connected_, nullptr);
    stop();
    done(std::move(error), std::move(winner));
  }

  void stop() {
    const auto now = clock_type::now() - began_;
    // Those that are under way get their end here, because their completions will find nobody.
    for (auto& attempt : attempts_) {
      if (attempt.duration != std::chrono::nanoseconds(0)) continue;
      attempt.duration = now - attempt.began;
      attempt.error = net::error::operation_aborted;
    }
    resolved_ = nullptr;
    connected_ = nullptr;
    resolver_.cancel();
    next_.cancel();
    error_code ignored;
    for (auto& socket : sockets_) socket.close(ignored);
  }

  net::any_io_executor executor_;
  net::any_io_executor serial_;
  const socket_setup setup_;
  tcp::resolver resolver_;
  net::steady_timer next_;
  resolved resolved_;
  connected connected_;
  std::vector<tcp::endpoint> endpoints_;
  std::list<tcp::socket> sockets_;
  std::vector<connect_attempt> attempts_;
  std::size_t tried_ = 0;
  std::size_t ended_ = 0;
  failure first_failure_;
  clock_type::time_point began_ = clock_type::now();
};

happy_eyeballs::happy_eyeballs(const net::any_io_executor& executor, const net::any_io_executor& serial,
                               socket_setup setup)
    : state_(std::make_shared<state>(executor, serial, std::move(setup))) {}
happy_eyeballs::~happy_eyeballs() { state_->stop(); }

void happy_eyeballs::resolve(const std::string& host, const std::string& service, resolved done) {
  state_->resolved_ = std::move(done);
  state_->resolve(host, service);
}

void happy_eyeballs::run(connected done) {
  state_->connected_ = std::move(done);
  state_->start();
}

void happy_eyeballs::stop() { state_->stop(); }
const std::vector<connect_attempt>& happy_eyeballs::attempts() const { return state_->attempts_; }

}  // namespace detail
}  // namespace v0
}  // namespace sluice
