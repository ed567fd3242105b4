// SPDX-License-Identifier: Apache-2.0
// Talking in the clear, before TLS: lines and bytes, and no more of them than were agreed on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::tool {

// What cannot be had is thrown: sluice::error where the peer says something else, system_error where the socket does.
class dialogue {
 public:
  // `place` is who speaks, for errors: "mail.example.org:25", "proxy localhost:3128".
  dialogue(boost::asio::ip::tcp::socket& socket, std::string place) : socket_(socket), place_(std::move(place)) {}

  boost::asio::awaitable<void> send(std::string bytes);
  // A line without its end, CR LF or LF alone; at most 8 KiB.
  boost::asio::awaitable<std::string> line();
  boost::asio::awaitable<std::string> bytes(std::size_t count);

  // The peer was told to begin TLS, or said that we may: what it sent beyond that is in the clear, anybody's, and would
  // pass for what is said in private (CVE-2011-0411, CVE-2021-23222). Throws where there is such.
  void expect_silence() const;

  // It will not do it, or does it otherwise than its RFC says: errc::handshake_failed.
  [[noreturn]] void refuse(const std::string& detail, const std::string& remedy) const;

  // Through a proxy, somebody else speaks from here on.
  void now_with(std::string place) { place_ = std::move(place); }
  boost::asio::ip::tcp::socket& socket() noexcept { return socket_; }

 private:
  boost::asio::awaitable<void> read_more();

  boost::asio::ip::tcp::socket& socket_;
  std::string place_;
  std::string ahead_;  // read, and not asked for yet
};

// What a peer said, for people: in quotes, what is not printable replaced, at most 200 bytes of it.
std::string in_quotes(std::string_view said);

bool is_equal_text(std::string_view a, std::string_view b);  // ASCII case does not count

}  // namespace sluice::tool
