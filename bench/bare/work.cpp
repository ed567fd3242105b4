// SPDX-License-Identifier: Apache-2.0
#include "bare/work.hpp"

#include "common/job.hpp"

#include <array>

namespace bench {
namespace {

using clock = std::chrono::steady_clock;

client_settings client_of(const settings& given) {
  return {.site = given.text("site"),
          .is_mutual = given.number("mutual", 0) != 0,
          .keeps_tickets = given.number("resume", 0) != 0,
          .verifies = given.number("verify", 0) != 0};
}

// Connections one after the other: TCP, handshake, one byte and its echo, close_notify.
class handshakes final : public work {
 public:
  explicit handshakes(const settings& given) : work(given), resumes_(given.number("resume", 0) != 0) {
    for (std::uint64_t i = 0; i < given.number("at_once", 8); ++i) add_client();
  }

  void prepare(std::uint64_t count) override {
    if (resumes_) {  // the first is full, and leaves a ticket
      unbegun_ = 1;
      begin_all();
    }
    if (count > 0) run(count);
  }

  round_result run(std::uint64_t count) override {
    result_ = {};
    unbegun_ = count;
    begin_all();
    if (resumes_ && result_.resumed != count) throw std::runtime_error("a session was not resumed");
    return std::exchange(result_, {});
  }

 private:
  void begin_all() {
    pending_ = unbegun_;
    for (std::size_t i = 0; i < clients() && unbegun_ > 0; ++i) begin_next(at(i));
    run_pending();
  }
  void begin_next(client& one) {
    --unbegun_;
    begin_one(one);
  }
  void on_established(client& one) override { one.send({"x", 1}); }
  void on_event(client& one) override {
    char echo = 0;
    if (one.receive({&echo, 1}) == 0) return;
    ++result_.count;
    if (resumes_ && one.is_resumed()) ++result_.resumed;
    result_.times.push_back(clock::now() - one.began);
    one.end();
    --pending_;
    if (unbegun_ > 0) begin_next(one);
  }

  const bool resumes_;
  std::uint64_t unbegun_ = 0;
};

// Established connections, on each of which a message is sent as soon as the last one is back.
class echoes final : public work {
 public:
  explicit echoes(const settings& given) : work(given), size_(given.number("size", 64)) {
    pending_ = given.number("at_once", 64);
    while (clients() < pending_) begin_one(add_client());
    run_pending();
  }

  void prepare(std::uint64_t count) override { run(count); }

  round_result run(std::uint64_t count) override {
    result_ = {};
    unsent_ = pending_ = count;
    for (std::size_t i = 0; i < clients() && unsent_ > 0; ++i) ping(at(i));
    run_pending();
    return std::exchange(result_, {});
  }

 private:
  void ping(client& one) {
    --unsent_;
    one.began = clock::now();
    one.left = size_;
    one.send(payload().first(size_));
  }
  void on_established(client&) override { --pending_; }
  void on_event(client& one) override {
    if (one.left == 0) return;
    one.left -= one.receive({buffer_.data(), one.left});
    if (one.left > 0) return;
    ++result_.count;
    result_.times.push_back(clock::now() - one.began);
    --pending_;
    if (unsent_ > 0) ping(one);
  }

  const std::size_t size_;
  std::uint64_t unsent_ = 0;
  std::array<char, message_size> buffer_{};
};

// One connection that carries `count` bytes a round, down or up.
class transfer final : public work {
 public:
  transfer(const settings& given, char kind)
      : work(given), kind_(kind), chunk_(static_cast<std::uint32_t>(given.number("chunk", largest_chunk))) {
    pending_ = 1;
    begin_one(add_client());
    run_pending();
  }

  void prepare(std::uint64_t bytes) override { run(bytes); }

  round_result run(std::uint64_t bytes) override {
    auto& one = at(0);
    const job asked{.kind = kind_, .bytes = bytes, .chunk = chunk_};
    const auto message = asked.message();
    pending_ = 1;
    one.left = bytes;
    one.send(message);
    if (kind_ == job::upload) one.left -= one.send_some(one.left, chunk_);
    run_pending();
    result_.count = bytes;
    return std::exchange(result_, {});
  }

 private:
  void on_established(client&) override { --pending_; }
  void on_event(client& one) override {
    if (kind_ == job::upload) {
      if (one.left > 0 || one.is_sending()) {
        one.left -= one.send_some(one.left, chunk_);
      } else if (char answer = 0; one.receive({&answer, 1}) == 1) {
        --pending_;
      }
      return;
    }
    std::size_t size = 0;
    do {
      size = one.receive(payload());
      one.left -= size;
    } while (size > 0 && one.left > 0);
    if (one.left == 0) --pending_;
  }

  const char kind_;
  const std::uint32_t chunk_;
};

// Connections that are established and then say nothing. Each round adds some.
class idle_connections final : public work {
 public:
  explicit idle_connections(const settings& given) : work(given), at_once_(given.number("at_once", 64)) {}

  void prepare(std::uint64_t count) override { run(count); }

  round_result run(std::uint64_t count) override {
    for (std::uint64_t begun = 0; begun < count;) {
      for (; pending_ < at_once_ && begun < count; ++begun, ++pending_) begin_one(add_client());
      run_pending();
    }
    result_.count = count;
    return std::exchange(result_, {});
  }

 private:
  void on_established(client&) override { --pending_; }
  void on_event(client& one) override {
    char unexpected = 0;
    (void)one.receive({&unexpected, 1});  // a ticket, or nothing
  }

  const std::uint64_t at_once_;
};

}  // namespace

work::work(const settings& given)
    : tls_(make_client_config(client_of(given), ticket_)), port_(static_cast<std::uint16_t>(given.number("port", 0))) {}

client& work::add_client() {
  return *clients_.emplace_back(std::make_unique<client>(events_, out_, *tls_.config, port_));
}

void work::run_pending() {
  while (pending_ > 0) {
    for (const auto& event : events_.wait()) {
      auto& one = *static_cast<client*>(event.data.ptr);
      if (one.is_established()) {
        on_event(one);
      } else if (one.advance()) {
        on_established(one);
      }
    }
  }
}

std::unique_ptr<work> make_work(const settings& given) {
  const auto kind = given.text("work");
  if (kind == "handshake") return std::make_unique<handshakes>(given);
  if (kind == "echo") return std::make_unique<echoes>(given);
  if (kind == "download") return std::make_unique<transfer>(given, job::download);
  if (kind == "upload") return std::make_unique<transfer>(given, job::upload);
  if (kind == "idle") return std::make_unique<idle_connections>(given);
  throw std::runtime_error("work=" + kind + " is unknown");
}

}  // namespace bench
