// SPDX-License-Identifier: Apache-2.0
#include "core/wire/message_tap.hpp"

#include <atomic>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::size_t max_in_record = 16384 + 2048, max_in_message = 256 * 1024;
using namespace wire;

constexpr std::uint8_t alert_unknown = 255;
using kind = message_event::kind;

std::atomic<std::uint64_t> connections{0};

}  // namespace

message_tap::message_tap(observer& to, bool is_server) : to_(to), is_server_(is_server), number_(++connections) {}

void message_tap::saw(way which, std::span<const std::byte> bytes) {
  auto& l = lane_of(which);
  while (!l.is_lost && !bytes.empty()) {
    const bool is_whole = l.records.take(bytes);
    const auto& last = l.records.current();
    // An SSL 2.0 hello, or noise.
    const bool is_known = last.type() >= record_change_cipher_spec && last.type() <= record_heartbeat;
    l.is_lost = !is_known || last.size() > max_in_record;
    const auto one = l.records.whole();
    if (is_whole && !l.is_lost) queue_.push_back({which, clock_type::now(), {one.begin(), one.end()}});
  }
  // What is not TLS is not collected: it could go on for ever.
  if (l.is_lost) l.records = frame_collector(framer::frame::record);
}

const traffic_secret& message_tap::secret_of(stage at, role sender) const noexcept {
  return (sender == role::client ? client_secrets_ : server_secrets_)[static_cast<std::size_t>(at)];
}

void message_tap::saw_secret(secret_stage at, role sender, const traffic_secret& seen) noexcept {
  (sender == role::client ? client_secrets_ : server_secrets_)[static_cast<std::size_t>(at)] = seen;
}

void message_tap::report() noexcept { work(false); }
void message_tap::tell_rest() noexcept { work(true); }

// An observer loses sight of a connection rather than the connection its memory.
// Called when s2n has come back, not from inside its callbacks: the observer may do what it likes for a moment, but
// must not see a connection that is halfway through a call.
void message_tap::work(bool is_last) noexcept try {
  while (!queue_.empty()) {
    if (take(queue_.front(), is_last) == outcome::waits) return;
    queue_.pop_front();
  }
} catch (const std::exception&) {
  queue_.clear();
  for (auto& l : lanes_) l.is_lost = true;
}

message_tap::outcome message_tap::take(const record& one, bool is_last) {
  auto& l = lane_of(one.which);
  const auto body = std::span(one.bytes).subspan(record_header_size);
  const auto type = one.bytes[0];
  if (type == record_application_data) return is_tls13() || !hello_ ? take_sealed(one, is_last) : outcome::done;
  if (type == record_change_cipher_spec) {
    report(one, {.what = kind::change_cipher_spec, .bytes = std::as_bytes(body), .size = body.size()});
    l.is_sealed = hello_ && !is_tls13();
  } else if (type == record_handshake && l.is_sealed) {
    // Nothing else can come there (RFC 5246 §7.4.9), but for a renegotiation, which s2n does not do.
    const auto type_there = message_finished;
    report(one, {.what = kind::handshake, .was_sealed = true, .type = type_there, .bytes = {}, .size = body.size()});
  } else if (type == record_alert && l.is_sealed) {
    report(one, {.what = kind::alert, .was_sealed = true, .type = alert_unknown, .bytes = {}, .size = body.size()});
  } else {
    take_content(one, type, body, false);
  }
  return outcome::done;
}

const traffic_secret* message_tap::secret_for(way which, stage at) const {
  const auto& found = secret_of(at, is_clients(which) ? role::client : role::server);
  return found.empty() ? nullptr : &found;
}

// Is there something to open the record with?
bool message_tap::prepare(const record& one) {
  auto& l = lane_of(one.which);
  if (l.opener) return true;
  if (!hello_) return false;
  if (l.at == stage::early && secret_for(one.which, stage::early) == nullptr) l.at = stage::handshake;
  const auto* traffic = secret_for(one.which, l.at);
  if (traffic != nullptr) l.opener = record_opener::make(hello_->cipher, *traffic);
  return l.opener.has_value();
}

message_tap::outcome message_tap::take_sealed(const record& one, bool is_last) {
  auto& l = lane_of(one.which);
  const auto header = std::span(one.bytes).first(record_header_size);
  const auto body = std::span(one.bytes).subspan(record_header_size);
  const bool is_ready = prepare(one);
  if (!is_ready && !is_last) return outcome::waits;
  auto opened = is_ready ? l.opener->open(header, body) : std::nullopt;
  // Only where the first attempt fails, and once: the handshake's secret is the last that a record at this point may
  // need.
  if (is_ready && !opened && l.at == stage::early) {
    // The server has refused the early data, and the client gone on without its end.
    l.at = stage::handshake;
    l.opener.reset();
    return take_sealed(one, is_last);
  }
  if (opened) {
    take_content(one, opened->type, opened->plain, true);
  } else {
    report(one, {.what = kind::sealed, .was_sealed = true, .bytes = {}, .size = body.size()});
  }
  return outcome::done;
}

void message_tap::take_content(const record& one, std::uint8_t type, std::span<const std::uint8_t> plain,
                               bool was_sealed) {
  auto& l = lane_of(one.which);
  if (type == record_alert && plain.size() == 2) {
    const auto bytes = std::as_bytes(plain);
    report(one,
           {.what = kind::alert, .was_sealed = was_sealed, .type = plain[1], .bytes = bytes, .size = bytes.size()});
  } else if (type == record_handshake) {
    take_messages(one, plain, was_sealed);
    // A message that is never finished would be kept for ever; what follows it is out of step, and shows up as that.
    if (l.messages.kept() > max_in_message) l.messages = frame_collector(framer::frame::message);
  }
}

void message_tap::take_messages(const record& one, std::span<const std::uint8_t> plain, bool was_sealed) {
  auto& messages = lane_of(one.which).messages;
  for (auto bytes = std::as_bytes(plain); messages.take(bytes);) {
    const auto type = messages.current().type();
    const auto whole = std::as_bytes(messages.whole());
    note(one.which, type, messages.body());
    report(one,
           {.what = kind::handshake, .was_sealed = was_sealed, .type = type, .bytes = whole, .size = whole.size()});
  }
}

// Which secret comes next.
// RFC 8446 §7.1: the sender's Finished is the last message under the handshake's key, EndOfEarlyData the last under the
// early one. The secret itself may become known later; prepare() waits for it.
void message_tap::note(way which, std::uint8_t type, std::span<const std::uint8_t> body) {
  auto& l = lane_of(which);
  if (type == message_server_hello) hello_ = read_server_hello(body);
  if (type == message_end_of_early_data) {
    l.at = stage::handshake;
    l.opener.reset();
  } else if (type == message_finished) {
    l.at = stage::application;
    l.opener.reset();
  } else if (type == message_key_update && l.opener) {
    if (!l.opener->update()) l.opener.reset();
  }
}

void message_tap::report(const record& one, message_event event) const noexcept {
  event.connection = number_;
  event.is_server = is_server_;
  event.is_sent = one.which == way::out;
  event.at = one.at - began_;
  to_.on_message(event);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
