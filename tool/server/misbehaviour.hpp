// SPDX-License-Identifier: Apache-2.0
// How a server is to fail on purpose, for testing clients: `serve --fail`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tool {

// What becomes of a connection. `close` is TCP's end without close_notify: the data may be truncated.
enum class ending : std::uint8_t { close, reset, stall };

// A text of clauses with commas between them, each at most once:
//
//   handshake=close|reset|stall      instead of an answer to the ClientHello
//   handshake=alert:NAME             the same, with this alert (RFC 8446 §6) before the end
//   delay=TIME                       before the answer to the ClientHello: 500ms, 2s
//   after=N:close|reset|stall        once the client was sent N bytes of application data, which it gets first
//   slow=N                           at most N bytes of application data a second
//   every=N                          only the N-th connection, the 2N-th, …
//   first=N                          only the first N connections
//
// A connection that `every` and `first` do not choose is served as usual.
struct misbehaviour {
  std::string text;
  std::optional<ending> handshake;
  std::optional<std::uint8_t> alert;  // with `handshake` being close
  std::chrono::milliseconds delay{};
  std::optional<std::uint64_t> after;
  ending then = ending::close;
  std::uint64_t bytes_a_second = 0;  // 0: as many as there are
  std::uint64_t every = 1;
  std::uint64_t first = UINT64_MAX;

  // The first connection has number 1.
  bool strikes(std::uint64_t number) const noexcept { return number <= first && number % every == 0; }
};

// Throws errc::invalid_argument, naming the clause.
misbehaviour parse_misbehaviour(std::string_view text);

}  // namespace sluice::tool
