// SPDX-License-Identifier: Apache-2.0
#include "verbs/lab/run.hpp"

#include "terminal/interrupt.hpp"
#include "terminal/failure.hpp"
#include "testkit/peers/listener.hpp"
#include "testkit/peers/world.hpp"
#include "testkit/load/loop_thread.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <deque>
#include <future>
#include <list>
#include <semaphore>

namespace sluice::tool::lab {
namespace {

namespace asio = boost::asio;
constexpr auto grace = std::chrono::seconds(2);  // how late a time-out may be

std::string_view text_of(origin from) { return from == origin::peer ? "peer" : "local"; }

// Cause and remedy; the place is left out, since it is the lab's own.
std::string words_of(const failure& error) {
  auto reported = error;
  reported.where.clear();
  reported.remedy = remedy_for(error);
  return reported.message();
}

bool is_in_time(const peer& p, const outcome& seen, std::chrono::milliseconds limit) {
  return !p.times_out || (seen.took >= limit && seen.took <= limit + grace);
}

verdict judge_ours(const lab_case& one, const peer& p, const outcome& seen, std::chrono::milliseconds limit) {
  verdict v;
  const auto cause = seen.error ? std::optional(cause_of(seen.error->code)) : std::nullopt;
  v.got = verdict_name(cause);
  if (seen.error) {
    v.origin = text_of(seen.error->from);
    v.message = words_of(*seen.error);
  }
  bool holds = cause == one.expect && (!seen.error || seen.error->from == one.from);
  if (holds && !is_in_time(p, seen, limit)) {
    holds = false;
    v.message =
        fmt::format("after {} ms, where {} were allowed; {}",
                    std::chrono::duration_cast<std::chrono::milliseconds>(seen.took).count(), limit.count(), v.message);
  }
  v.is = holds ? verdict::state::held : verdict::state::failed;
  return v;
}

verdict judge_other(const lab_case& one, const outcome& seen) {
  const bool is_right = seen.error.has_value() == one.expect.has_value();
  auto message = seen.error ? seen.error->detail : std::string();
  if (!seen.words.empty()) message += (message.empty() ? "" : ": ") + seen.words;
  return {.is = is_right ? verdict::state::held : verdict::state::failed,
          .got = seen.error ? "rejected" : "accepted",
          .origin = {},
          .message = std::move(message)};
}

// One running case: its peer listens, and a client is connecting.
struct performance {
  const lab_case* what;
  peer who;
  std::unique_ptr<listener> place;
  std::future<outcome> coming;
  verdict early;  // where no client connects
};

asio::awaitable<outcome> probe_each_time(context tls, tcp::endpoint at, const lab_case& what, const peer& who,
                                         std::chrono::milliseconds limit) {
  outcome seen;
  for (int i = 0; i < who.connections; ++i) {
    seen = co_await probe(tls, at, who.server_name, limit);
    const auto cause = seen.error ? std::optional(cause_of(seen.error->code)) : std::nullopt;
    if (cause != what.expect) break;
  }
  co_return seen;
}

asio::awaitable<void> come_to(tcp::endpoint at, client_function come) {
  tcp::socket socket(co_await asio::this_coro::executor);
  auto [ec] = co_await socket.async_connect(at, asio::as_tuple(asio::use_awaitable));
  if (ec) co_return;
  socket.set_option(tcp::no_delay(true), ec);
  auto connection = come(std::move(socket));
  co_await std::move(connection);
}

class stage {
 public:
  explicit stage(const run_settings& settings) : settings_(settings) {}
  ~stage() {
    clients_.stop();
    servers_.stop();
  }

  void put_on(const lab_case& what) {
    auto& p = shows_.emplace_back();
    p.what = &what;
    if (!what.unavailable.empty()) {
      p.early = {verdict::state::unavailable, "unavailable", "", what.unavailable};
      return;
    }
    try {
      p.who = what.make(world_, what.argument);
      if (p.who.come) {
        p.coming = receive_ours(p);
        return;
      }
      p.place = std::make_unique<listener>(servers_.io(), p.who.serve);
      p.coming = settings_.client.empty() ? send_ours(p) : send_other(p);
    } catch (const std::exception& e) {
      p.early = {verdict::state::failed, "internal", "local", std::string("the peer cannot be made: ") + e.what()};
    }
  }

  std::deque<performance>& shows() noexcept { return shows_; }

  verdict wait(performance& p, const interrupt_watch& watch) {
    if (!p.coming.valid()) return p.early;
    const auto seen = watch.wait(std::move(p.coming));
    return seen.is_ours ? judge_ours(*p.what, p.who, seen, limit_of(p)) : judge_other(*p.what, seen);
  }

 private:
  std::chrono::milliseconds limit_of(const performance& p) const {
    return p.who.times_out ? settings_.timeout : settings_.limit;
  }
  const std::string& anchor_of(const performance& p) const {
    return p.who.ca.empty() ? world_.root().certificate() : p.who.ca;
  }

  std::future<outcome> send_ours(performance& p) {
    client_options options;
    options.trust = trust::from_pem(anchor_of(p), "the lab's store").value();
    options.policy = settings_.policy;
    options.blinding = blinding::at_most(std::chrono::seconds(0));
    if (p.who.adapt) p.who.adapt(options);
    auto tls = context::client(options).value();
    return clients_.run(probe_each_time(std::move(tls), p.place->address(), *p.what, p.who, limit_of(p)));
  }

  std::future<outcome> receive_ours(performance& p) {
    auto options = *p.who.host;
    if (!settings_.policy.empty()) options.policy = settings_.policy;
    auto tls = context::server(options).value();
    const tcp::endpoint anywhere(asio::ip::address_v4::loopback(), 0);
    const auto door = std::make_shared<tcp::acceptor>(clients_.io(), anywhere);
    asio::co_spawn(servers_.io(), come_to(door->local_endpoint(), p.who.come), asio::detached);
    return clients_.run(receive(std::move(tls), door, limit_of(p)));
  }

  std::future<outcome> send_other(performance& p) {
    outside_client asked{.command = settings_.client,
                         .at = p.place->address(),
                         .ca_file = world_.folder().write(p.what->name + ".ca.pem", anchor_of(p)),
                         .server_name = p.who.server_name,
                         .log_file = (world_.folder().path() / (p.what->name + ".log")).string()};
    return std::async(std::launch::async, [this, asked = std::move(asked), limit = settings_.limit] {
      // A few at a time: processes are heavier than coroutines.
      seats_.acquire();
      struct leave {
        std::counting_semaphore<8>& seats;
        ~leave() { seats.release(); }
      } const on_leaving{seats_};
      return run_outside_client(asked, limit);
    });
  }

  const run_settings settings_;
  world world_;
  std::counting_semaphore<8> seats_{4};
  testkit::loop_thread servers_, clients_;
  std::deque<performance> shows_;  // goes first: listeners are the loops' guests
};

}  // namespace

void run_cases(const std::vector<lab_case>& chosen, const run_settings& settings, const interrupt_watch& watch,
               const std::function<void(const lab_case&, const verdict&)>& report) {
  if (!settings.policy.empty()) find_policy(settings.policy).value();
  stage s(settings);
  for (const auto& one : chosen) {
    watch.check();
    s.put_on(one);
  }
  for (auto& p : s.shows()) report(*p.what, s.wait(p, watch));
}

}  // namespace sluice::tool::lab
