// SPDX-License-Identifier: Apache-2.0
// STARTTLS in IMAP, RFC 9051 §6.2.1 (and RFC 2595).
#include "asio/prelude/starttls_protocols.hpp"

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t max_answer_lines = 200;

// Removes the first word of a line and returns it.
std::string_view take_word(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

bool is_capability_line(std::string_view line) {
  return is_equal_text(take_word(line), "*") && is_equal_text(take_word(line), "CAPABILITY");
}

bool has_word(std::string_view line, std::string_view word) {
  while (!line.empty()) {
    if (is_equal_text(take_word(line), word)) return true;
  }
  return false;
}

struct imap_answer {
  std::string status;        // the tagged line, without its tag
  std::string capabilities;  // the last untagged CAPABILITY line
};

// Untagged lines may come before the tagged one.
net::awaitable<imap_answer> run_command(dialogue& with, std::string tag, std::string text) {
  co_await with.send(tag + " " + text + "\r\n");
  imap_answer made;
  for (std::size_t i = 0; i < max_answer_lines; ++i) {
    const auto line = co_await with.line();
    std::string_view rest = line;
    const auto first = take_word(rest);
    if (first == tag) {
      made.status = rest;
      co_return made;
    }
    if (first != "*")
      throw_peer_failure("it does not speak IMAP: it answers " + in_quotes(line), "see what listens there");
    if (is_capability_line(line)) made.capabilities = line;
  }
  throw_peer_failure("it does not answer " + text, "see what listens there");
}

bool is_ok(std::string_view status) { return is_equal_text(take_word(status), "OK"); }

}  // namespace

net::awaitable<void> ask_imap(dialogue& with) {
  const auto greeting = co_await with.line();
  std::string_view rest = greeting;
  const bool is_untagged = take_word(rest) == "*";
  const auto status = take_word(rest);
  // After PREAUTH, which means that the client is logged in, STARTTLS is not allowed.
  if (!is_untagged || !is_equal_text(status, "OK")) {
    throw_peer_failure("it does not greet as IMAP does before TLS: it answers " + in_quotes(greeting),
                       "see what listens there");
  }
  const auto announced = co_await run_command(with, "a1", "CAPABILITY");
  if (!is_ok(announced.status))
    throw_peer_failure("it does not list its capabilities: it answers " + in_quotes(announced.status), "");
  if (!has_word(announced.capabilities, "STARTTLS")) {
    throw_peer_failure("it does not offer STARTTLS: it answers " + in_quotes(announced.capabilities),
                       "turn TLS on at the server, or look for a port that begins with it: 993");
  }
  const auto begun = co_await run_command(with, "a2", "STARTTLS");
  if (!is_ok(begun.status)) {
    throw_peer_failure("it refuses STARTTLS: it answers " + in_quotes(begun.status), "see the server's log");
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
