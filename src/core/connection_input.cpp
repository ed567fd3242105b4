// SPDX-License-Identifier: Apache-2.0
// What arrives, on its way to s2n: judged by its records, and measured out.
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/base/would_block.hpp"
#include "core/callbacks.hpp"
#include "core/connection_io.hpp"
#include "core/x509/certificate_parts.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cerrno>
#include <new>

namespace sluice {
inline namespace v0 {
namespace {

int answer(int cause) noexcept {
  errno = cause;
  return -1;
}

// Does a peer's first record begin like this? It is a handshake message or an alert of at most 2^14 + 2048 bytes
// (RFC 8446 §5.1, RFC 5246 §6.2.3); a client's may have the form of SSL 2.0 (RFC 5246 Appendix E.2).
bool can_begin(std::span<const std::byte> header, role reader) {
  const auto at = [header](std::size_t i) { return std::to_integer<unsigned>(header[i]); };
  using namespace internal::wire;
  if (reader == role::server && (at(0) & 0x80) != 0) return header.size() < 3 || at(2) == message_client_hello;
  if (at(0) != record_alert && at(0) != record_handshake) return false;
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

// s2n would wait for as many bytes as a line of HTTP seems to announce, if it takes it for a record's header.
bool connection::impl::is_tls_so_far(std::span<const std::byte> arrived) {
  if (input.first_size == input.first_header.size()) return true;
  const auto more = arrived.first(std::min(arrived.size(), input.first_header.size() - input.first_size));
  std::ranges::copy(more, input.first_header.begin() + static_cast<std::ptrdiff_t>(input.first_size));
  input.first_size += more.size();
  if (can_begin(std::span(input.first_header).first(input.first_size), side)) return true;
  const bool is_record = input.first_header[0] >= std::byte{20} && input.first_header[0] <= std::byte{24} &&
                         input.first_size > 1 && input.first_header[1] == std::byte{3};
  const auto* verdict = is_record ? ", with which no TLS begins" : ", which is not TLS";
  const auto* remedy = is_record              ? "see what the peer is: its first record is one of TLS, and not allowed"
                       : side == role::client ? "look for the port that speaks TLS, or for a STARTTLS command"
                                              : "have the client speak TLS here, or see which client it is";
  refuse_input("it sent " + printable(arrived) + verdict, remedy);
  return false;
}

// Before s2n has seen any of it: what it does with such bytes is not to be relied on.
bool connection::impl::is_in_order(std::span<const std::byte> arrived) {
  if (!is_tls_so_far(arrived)) return false;
  const auto wrong = input.guard.refuses(arrived);
  if (wrong.empty()) return true;
  refuse_input("it sent " + std::string(wrong), "see what the peer is, and what is on the way");
  return false;
}

void connection::impl::refuse_input(const std::string& detail, const std::string& remedy) {
  errors.of_callback = internal::in_phase(handshake.is_established ? phase::read : phase::handshake,
                                          make_failure(errc::protocol_error, target.place, detail, remedy));
}

internal::input_gate::stage connection::impl::input_stage() const noexcept {
  if (!handshake.is_established) return internal::input_gate::stage::handshake;
  return output.is_closed ? internal::input_gate::stage::closing : internal::input_gate::stage::open;
}

// Close to an end of TLS, what may come behind it stays in the transport where that is possible.
bool connection::impl::reads_exactly() const noexcept {
  return output.is_closed || (side == role::server && !handshake.is_established && totals.records_in.records() > 0);
}

bool connection::impl::has_kept_input() const noexcept {
  return s2n_peek(conn.get()) > 0 || s2n_peek_buffered(conn.get()) > 0 || !input.gate.held().empty() ||
         input.ahead.has_kept();
}

// The end, and an error, are found by asking s2n again.
bool connection::impl::has_input(const transport& from) const noexcept {
  return from.may_have_input() || input.has_ended || input.error || has_kept_input();
}

// As recv(2), for s2n.
int connection::impl::receive(std::span<std::byte> into) {
  if (errors.of_callback.code) return answer(EIO);
  if (input.gate.is_idling()) {
    refuse_input("it sent too many records in a row that carry no data",
                 "see what the peer is: it does nothing but keep us busy");
    return answer(EIO);
  }
  if (io == nullptr || early.pauses_input) return io == nullptr ? 0 : answer(EAGAIN);
  if (input.gate.is_exhausted()) return answer(EAGAIN);
  into = input.gate.room(into, reads_exactly());
  auto n = input.gate.held().empty() ? receive_more(into) : input.gate.admit_held(into);
  if (n == 0 && (input.gate.is_spent() || !input.gate.held().empty())) return answer(EAGAIN);
  if (n == 0) return input.has_ended ? 0 : -1;
  const auto given = into.first(n);
  if (!is_in_order(given)) return answer(EIO);
  totals.records_in.saw(given);
  if (tap) tap->saw(internal::message_tap::way::in, given);
  if (watches_flight()) handshake.flight.saw(given);
  if (handshake.recorder) handshake.recorder->received(given);
  return static_cast<int>(n);
}

// From the transport; 0 with input.has_ended, or with errno set.
std::size_t connection::impl::receive_more(std::span<std::byte> into) {
  if (input.has_ended) return 0;
  error_code ec;
  const auto n = input.ahead.read(*io, into, ec);
  input.is_drained = n < into.size();
  if (n > 0) return input.gate.admit(into.first(n));
  if (!ec) input.has_ended = true;
  if (ec && !internal::is_would_block(ec)) input.error = ec;
  errno = internal::is_would_block(ec) ? EAGAIN : EIO;
  return 0;
}

namespace internal {

extern "C" int on_receive(void* io, uint8_t* into, uint32_t size) noexcept try {
  return static_cast<connection::impl*>(io)->receive({reinterpret_cast<std::byte*>(into), size});
} catch (const std::bad_alloc&) {
  return answer(ENOMEM);
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
