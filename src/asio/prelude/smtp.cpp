// SPDX-License-Identifier: Apache-2.0
// STARTTLS in SMTP, RFC 3207.
#include "asio/prelude/starttls_protocols.hpp"

#include <algorithm>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t max_reply_lines = 200;

// RFC 5321 §4.2: "250-first line", "250 last line".
struct smtp_reply {
  std::string code;
  std::vector<std::string> lines;  // each without its code
  std::string text() const { return code + " " + lines.back(); }
};

bool is_reply_line(std::string_view line) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return line.size() >= 3 && std::ranges::all_of(line.substr(0, 3), is_digit) &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '-');
}

net::awaitable<smtp_reply> read_reply(dialogue& with) {
  smtp_reply made;
  for (;;) {
    const auto line = co_await with.line();
    const bool fits = is_reply_line(line) && (made.code.empty() || line.substr(0, 3) == made.code);
    if (!fits || made.lines.size() == max_reply_lines) {
      throw_peer_failure("it does not speak SMTP: it answers " + in_quotes(line), "see what listens there");
    }
    made.code = line.substr(0, 3);
    made.lines.push_back(line.size() > 4 ? line.substr(4) : std::string());
    if (line.size() == 3 || line[3] == ' ') co_return made;
  }
}

// RFC 5321 §4.1.3: a client without a name sends its address.
std::string address_literal(const net::ip::tcp::socket& socket) {
  const auto address = socket.local_endpoint().address();
  return address.is_v4() ? "[" + address.to_string() + "]" : "[IPv6:" + address.to_string() + "]";
}

bool offers_starttls(const smtp_reply& greeting) {
  return std::ranges::any_of(greeting.lines, [](const auto& line) { return is_equal_text(line, "STARTTLS"); });
}

}  // namespace

net::awaitable<void> ask_smtp(dialogue& with, const std::string& client_name) {
  const auto banner = co_await read_reply(with);
  if (banner.code != "220")
    throw_peer_failure("it does not accept mail: it answers " + in_quotes(banner.text()), "try again later");
  const auto name = client_name.empty() ? address_literal(with.socket()) : client_name;
  co_await with.send("EHLO " + name + "\r\n");
  const auto greeting = co_await read_reply(with);
  if (greeting.code != "250") {
    throw_peer_failure("it does not accept EHLO: it answers " + in_quotes(greeting.text()),
                       "see whether its SMTP is an extended one");
  }
  if (!offers_starttls(greeting)) {
    throw_peer_failure("it does not offer STARTTLS",
                       "turn TLS on at the server, or look for a port that begins with it: 465");
  }
  co_await with.send("STARTTLS\r\n");
  const auto answer = co_await read_reply(with);
  if (answer.code != "220") {
    throw_peer_failure("it refuses STARTTLS: it answers " + in_quotes(answer.text()), "see the server's log");
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
