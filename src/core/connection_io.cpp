// SPDX-License-Identifier: Apache-2.0
#include "core/connection_io.hpp"

#include "core/base/narrow.hpp"
#include "core/base/would_block.hpp"
#include "core/callbacks.hpp"
#include "core/wire/numbers.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <new>

namespace sluice {
inline namespace v0 {
namespace {

constexpr std::size_t scratch_kept = 320 * 1024;  // holds a full write of 128 KiB in small records, twice over
thread_local std::vector<std::byte> scratch;

// A ServerHello in the clear (or HelloRetryRequest, which has its form).
bool begins_with_hello(std::span<const std::uint8_t> record) noexcept {
  constexpr auto header = internal::wire::record_header_size;
  return record.size() > header && record[0] == internal::wire::record_handshake &&
         record[header] == internal::wire::message_server_hello;
}

}  // namespace

namespace internal {

void output_queue::append(std::span<const std::byte> bytes) {
  auto& to = leaving_.size() == gone_ ? leaving_ : later_;
  if (&to == &leaving_) {
    leaving_.clear();
    gone_ = 0;
  }
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void output_queue::pop(std::size_t bytes) {
  gone_ += bytes;
  if (gone_ < leaving_.size()) return;
  // Give the memory back: a queue is the exception, and may have been large.
  leaving_ = std::exchange(later_, {});
  gone_ = 0;
}

void output_queue::clear() noexcept {
  leaving_ = {};
  later_ = {};
  gone_ = 0;
}

}  // namespace internal

connection::impl::call::call(impl& c, transport& io) : c_(c), io_(io) {
  c_.io = &io;
  c_.input.gate.begin_call(c_.input_stage(), c_.has_half_close());
  c_.output.produced = std::move(scratch);
  c_.output.produced.clear();
}

connection::impl::call::~call() {
  if (!is_finished_) finish();
}

// Also from the destructor. Sealed bytes for which there is no memory cannot be sealed again: writing is over then.
void connection::impl::call::finish() noexcept {
  is_finished_ = true;
  c_.io = nullptr;
  try {
    send();
  } catch (const std::bad_alloc&) {
    c_.output.error = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
  }
  if (c_.output.produced.capacity() <= scratch_kept) scratch = std::move(c_.output.produced);
  c_.output.produced = {};
  try {
    if (c_.tap) c_.tap->report();
  } catch (const std::bad_alloc&) {
    c_.tap.reset();  // what it would report from here on has gaps
  }
  c_.keep_tickets();
}

// In order: what waits from before leaves first, and what does not leave now waits behind it.
void connection::impl::call::send() {
  std::span<const std::byte> left = c_.output.produced;
  if (!left.empty() && !c_.output.error && c_.flush_output(io_)) {
    error_code ec;
    const auto n = io_.write(left, ec);
    left = left.subspan(n);
    if (ec && !internal::is_would_block(ec)) c_.output.error = ec;
  }
  if (!left.empty() && !c_.output.error) c_.output.queue.append(left);
}

// True when nothing is left over.
bool connection::impl::flush_output(transport& transport) {
  while (!output.queue.empty() && !output.error) {
    error_code ec;
    const auto n = transport.write(output.queue.front(), ec);
    output.queue.pop(n);
    if (ec && !internal::is_would_block(ec)) output.error = ec;
    if (ec || n == 0) break;
  }
  if (output.error) output.queue.clear();
  return output.queue.empty();
}

step connection::impl::after_output() const { return {.next = output.queue.empty() ? want::nothing : want::write}; }

// s2n up to 0.3.47 keeps input that is left over behind the last message of the peer's turn for its own next message,
// and then sends that without having made it; what follows is sealed with keys that nobody has derived. Its own account
// of what it does (timing checkpoints) lacks the message then. What was left over may have been sealed:
// plain_flight_guard sees only what is not.
bool connection::impl::has_skipped_message(std::span<const std::byte> record) const noexcept {
  constexpr auto alert_record = std::byte{internal::wire::record_alert};
  // A client that has received nothing sends its first message, and early data.
  if (!handshake.is_negotiating || totals.records_in.records() == 0 || record.front() == alert_record) return false;
  if (s2n_connection_handshake_complete(conn.get())) return false;  // tickets
  const char* message = s2n_connection_get_last_message_name(conn.get());
  return message != nullptr && handshake.made_message != message;
}

namespace internal {

// Never "would block": s2n may have sealed the next record already and would count it as part of whatever is
// written next (P6). What the transport does not take waits in output.queue.
extern "C" int on_send(void* io, const uint8_t* from, uint32_t size) noexcept {
  auto& c = *static_cast<connection::impl*>(io);
  // Nothing may follow the alert of a failure.
  if (c.output.is_silenced) {
    errno = EPIPE;
    return -1;
  }
  try {
    if (c.has_skipped_message({reinterpret_cast<const std::byte*>(from), size})) {
      c.refuse_input("it sent more in the record in which its last message ended",
                     "see what the peer is, and what is on the way");
      if (*from == wire::record_application_data) c.output.alerts.lost_output();
      errno = EIO;
      return -1;
    }
    if (c.side == role::server && begins_with_hello({from, size}) && !c.judge_last_hello()) {
      c.output.alerts.keeps_hello();
      errno = EIO;
      return -1;
    }
    if (c.early.is_awaited) c.settle_early_data();
    if (c.side == role::server && c.totals.records_out.records() == 0) c.input.guard.settle(c.has_half_close());
    const auto* bytes = reinterpret_cast<const std::byte*>(from);
    c.output.produced.insert(c.output.produced.end(), bytes, bytes + size);
    c.output.alerts.sent({bytes, size});
    c.totals.records_out.saw({bytes, size});
    if (c.side == role::client && !c.handshake.is_negotiated) c.handshake.own_flight.saw({bytes, size});
    if (c.handshake.recorder) c.handshake.recorder->sent({bytes, size});
    if (c.tap) c.tap->saw(internal::message_tap::way::out, {bytes, size});
    return static_cast<int>(size);
  } catch (const std::bad_alloc&) {
    c.output.alerts.lost_output();
    errno = ENOMEM;
    return -1;
  }
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
