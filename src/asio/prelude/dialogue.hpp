// SPDX-License-Identifier: Apache-2.0
// Plaintext before TLS: reads lines and bytes, and never a byte beyond them, so that the next protocol finds its own.
#pragma once

#include "sluice/asio/net.hpp"
#include "sluice/error.hpp"
#include "sluice/secret.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace detail {

// Functions throw sluice::error for what the peer sends, and system_error for an error of the socket, which outlives
// this object.
class dialogue {
 public:
  explicit dialogue(net::ip::tcp::socket& socket) : socket_(socket) {}

  net::awaitable<void> send(std::string bytes);
  // Sends a secret between two texts without copying it; the caller keeps it until then.
  net::awaitable<void> send(std::string head, const secret& middle, std::string tail);
  // A line without its end, CR LF or LF alone; at most 8 KiB.
  net::awaitable<std::string> line();
  net::awaitable<std::string> bytes(std::size_t count);

  // The peer has agreed to begin TLS: plaintext that it sent beyond that may be an attacker's, and must not pass for
  // what is sent over TLS (CVE-2011-0411, CVE-2021-23222). Throws errc::protocol_error if there is any.
  void expect_silence();

  const net::ip::tcp::socket& socket() const noexcept { return socket_; }

 private:
  net::ip::tcp::socket& socket_;
};

// The peer rejects the request, or breaks its protocol: throws errc::handshake_failed.
[[noreturn]] void throw_peer_failure(std::string_view detail, std::string_view remedy);

// Runs a part of a dialogue, and returns its exception as a failure.
net::awaitable<failure> outcome_of(net::awaitable<void> part);

// Text of a peer for messages: in quotes, at most 200 bytes of it, a dot for each that is not printable.
std::string in_quotes(std::string_view text);

bool is_equal_text(std::string_view a, std::string_view b);  // ASCII, without regard to case

}  // namespace detail
}  // namespace v0
}  // namespace sluice
