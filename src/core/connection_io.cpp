// SPDX-License-Identifier: Apache-2.0
#include "core/connection_io.hpp"

#include "core/callbacks.hpp"
#include "core/certificate_parts.hpp"
#include "core/error_tables.hpp"
#include "core/narrow.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <new>

namespace sluice::inline v0 {
namespace {

constexpr std::size_t scratch_kept = 320 * 1024;  // holds a full write of 128 KiB in small records, twice over
thread_local std::vector<std::byte> scratch;

bool would_block(const error_code& ec) noexcept {
  return ec == boost::system::errc::operation_would_block || ec == boost::system::errc::resource_unavailable_try_again;
}

// Does a peer's first record begin like this? It is a handshake message or an alert of at most 2^14 + 2048 bytes
// (RFC 8446 §5.1, RFC 5246 §6.2.3); a client's may have the form of SSL 2.0 (RFC 5246 Appendix E.2).
bool can_begin(std::span<const std::byte> header, role reader) {
  const auto at = [header](std::size_t i) { return std::to_integer<unsigned>(header[i]); };
  if (reader == role::server && (at(0) & 0x80) != 0) return header.size() < 3 || at(2) == 1;
  if (at(0) != 21 && at(0) != 22) return false;
  if (header.size() >= 2 && at(1) != 3) return false;
  return header.size() < 5 || (at(3) << 8 | at(4)) <= 16384 + 2048;
}

// The beginning, for people: "HTTP/1.1 400 Bad" or 00000000.
std::string printable(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min<std::size_t>(bytes.size(), 16));
  const auto is_plain = [](std::byte b) { return b >= std::byte(' ') && b < std::byte(0x7f); };
  const auto text = bytes.first(static_cast<std::size_t>(std::ranges::find_if_not(bytes, is_plain) - bytes.begin()));
  if (text.empty()) return "0x" + internal::hexadecimal(bytes);
  return '"' + std::string(reinterpret_cast<const char*>(text.data()), text.size()) + '"';
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
  c_.produced = std::move(scratch);
  c_.produced.clear();
}

connection::impl::call::~call() {
  if (!is_finished_) finish();
}

void connection::impl::call::finish() {
  is_finished_ = true;
  c_.io = nullptr;
  std::span<const std::byte> left = c_.produced;
  if (!left.empty() && !c_.write_error && c_.flush_output(io_)) {
    error_code ec;
    const auto n = io_.write(left, ec);
    left = left.subspan(n);
    if (ec && !would_block(ec)) c_.write_error = ec;
  }
  if (!left.empty() && !c_.write_error) c_.output.append(left);
  if (c_.produced.capacity() <= scratch_kept) scratch = std::move(c_.produced);
  c_.produced = {};
  if (c_.tap) c_.tap->tell();
}

// True when nothing is left over.
bool connection::impl::flush_output(transport& transport) {
  while (!output.empty() && !write_error) {
    error_code ec;
    const auto n = transport.write(output.front(), ec);
    output.pop(n);
    if (ec && !would_block(ec)) write_error = ec;
    if (ec || n == 0) break;
  }
  if (write_error) output.clear();
  return output.empty();
}

// s2n would wait for as many bytes as a line of HTTP seems to announce, if it takes it for a record's header.
bool connection::impl::is_tls_so_far(std::span<const std::byte> arrived) {
  if (first_size == first_header.size()) return true;
  const auto more = arrived.first(std::min(arrived.size(), first_header.size() - first_size));
  std::ranges::copy(more, first_header.begin() + static_cast<std::ptrdiff_t>(first_size));
  first_size += more.size();
  if (can_begin(std::span(first_header).first(first_size), side)) return true;
  const bool is_record = first_header[0] >= std::byte{20} && first_header[0] <= std::byte{24} &&
                         first_size > 1 && first_header[1] == std::byte{3};
  const auto* verdict = is_record ? ", with which no TLS begins" : ", which is not TLS";
  const auto* remedy = is_record ? "see what the peer is: its first record is one of TLS, and not allowed"
                       : side == role::client ? "look for the port that speaks TLS, or for a STARTTLS command"
                                              : "have the client speak TLS here, or look at who knocks";
  refusal = internal::make_failure(errc::protocol_error, place, "it sent " + printable(arrived) + verdict, remedy);
  refusal.at = phase::handshake;
  refusal.from = origin::local;
  return false;
}

step connection::impl::after_output() const { return {.next = output.empty() ? want::nothing : want::write}; }

namespace internal {

extern "C" int on_receive(void* io, uint8_t* into, uint32_t size) noexcept try {
  auto& c = *static_cast<connection::impl*>(io);
  if (c.io == nullptr || c.read_ended) return 0;
  if (c.pauses_input) {
    errno = EAGAIN;
    return -1;
  }
  error_code ec;
  const auto n = c.ahead.read(*c.io, {reinterpret_cast<std::byte*>(into), size}, ec);
  if (n == 0 && !ec) {
    c.read_ended = true;
    return 0;
  }
  if (n == 0) {
    if (!would_block(ec)) c.read_error = ec;
    errno = would_block(ec) ? EAGAIN : EIO;
    return -1;
  }
  const std::span arrived(reinterpret_cast<const std::byte*>(into), n);
  if (!c.is_tls_so_far(arrived)) {
    errno = EIO;
    return -1;
  }
  c.records_in.saw(arrived);
  if (c.tap) c.tap->saw(internal::message_tap::way::in, arrived);
  if (c.watches_flight()) c.flight.saw(arrived);
  if (c.recorder) c.recorder->received(arrived);
  return static_cast<int>(n);
} catch (const std::bad_alloc&) {
  errno = ENOMEM;
  return -1;
}

// Never "would block": s2n may have sealed the next record already and would count it as part of whatever is
// written next (P6). What the transport does not take waits in `output`.
extern "C" int on_send(void* io, const uint8_t* from, uint32_t size) noexcept {
  auto& c = *static_cast<connection::impl*>(io);
  if (c.is_silenced) {
    errno = EPIPE;
    return -1;
  }
  try {
    if (c.awaits_early_data) c.settle_early_data();
    const auto* bytes = reinterpret_cast<const std::byte*>(from);
    c.produced.insert(c.produced.end(), bytes, bytes + size);
    c.alerts.sent({bytes, size});
    c.records_out.saw({bytes, size});
    if (c.recorder) c.recorder->sent({bytes, size});
    if (c.tap) c.tap->saw(internal::message_tap::way::out, {bytes, size});
    return static_cast<int>(size);
  } catch (const std::bad_alloc&) {
    c.alerts.lost_output();
    errno = ENOMEM;
    return -1;
  }
}

}  // namespace internal

}  // namespace sluice::inline v0
