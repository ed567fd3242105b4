// SPDX-License-Identifier: Apache-2.0
// StartTLS in LDAP: an extended operation, RFC 4511 §4.14.
#include "asio/prelude/starttls_protocols.hpp"

#include <cstdint>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace detail {
namespace {

constexpr std::size_t max_message = 64 * 1024;
constexpr unsigned tag_integer = 0x02, tag_octets = 0x04, tag_enumerated = 0x0a, tag_sequence = 0x30,
                   tag_extended_response = 0x78;  // [APPLICATION 24]

unsigned octet(char c) { return static_cast<unsigned char>(c); }

// BER as LDAP restricts it (RFC 4511 §5.1): definite lengths, which need not have the shortest form.
class ber_reader {
 public:
  explicit ber_reader(std::string_view bytes) : left_(bytes) {}

  // The contents of the next element, which must have that tag.
  std::optional<std::string_view> take(unsigned tag) {
    if (left_.size() < 2 || octet(left_[0]) != tag) return std::nullopt;
    std::size_t size = octet(left_[1]);
    std::size_t header = 2;
    if (size >= 0x80) {
      const auto octets = size - 0x80;
      if (octets == 0 || octets > 4 || left_.size() < 2 + octets) return std::nullopt;
      size = 0;
      while (header < 2 + octets) size = size << 8 | octet(left_[header++]);
    }
    if (left_.size() - header < size) return std::nullopt;
    const auto contents = left_.substr(header, size);
    left_.remove_prefix(header + size);
    return contents;
  }

  // A number of one to four octets that is not negative.
  std::optional<std::uint32_t> take_number(unsigned tag) {
    const auto contents = take(tag);
    if (!contents || contents->empty() || contents->size() > 4 || octet(contents->front()) >= 0x80) return std::nullopt;
    std::uint32_t value = 0;
    for (const auto c : *contents) value = value << 8 | octet(c);
    return value;
  }

 private:
  std::string_view left_;
};

struct extended_response {
  std::uint32_t id = 0;
  std::uint32_t result = 0;
  std::string diagnostic;
};

// LDAPMessage { messageID, ExtendedResponse { resultCode, matchedDN, diagnosticMessage, … } }
std::optional<extended_response> parse_response(std::string_view message) {
  const auto sequence = ber_reader(message).take(tag_sequence);
  if (!sequence) return std::nullopt;
  ber_reader fields(*sequence);
  extended_response made;
  const auto id = fields.take_number(tag_integer);
  const auto operation = id ? fields.take(tag_extended_response) : std::nullopt;
  if (!operation) return std::nullopt;
  ber_reader parts(*operation);
  const auto result = parts.take_number(tag_enumerated);
  const auto matched = result ? parts.take(tag_octets) : std::nullopt;
  const auto diagnostic = matched ? parts.take(tag_octets) : std::nullopt;
  if (!diagnostic) return std::nullopt;
  made.id = *id;
  made.result = *result;
  made.diagnostic = *diagnostic;
  return made;
}

net::awaitable<std::string> read_message(dialogue& with) {
  auto message = co_await with.bytes(2);
  std::size_t size = octet(message[1]);
  const auto octets = size > 0x80 && size <= 0x84 ? size - 0x80 : 0;
  const bool is_ldap = octet(message[0]) == tag_sequence && (size < 0x80 || octets > 0);
  if (octets > 0) {
    const auto length = co_await with.bytes(octets);
    size = 0;
    for (const auto c : length) size = size << 8 | octet(c);
    message += length;
  }
  if (!is_ldap || size > max_message) {
    throw_peer_failure("it does not speak LDAP: it answers " + in_quotes(message), "see what listens there");
  }
  const auto contents = co_await with.bytes(size);
  message += contents;
  co_return message;
}

}  // namespace

net::awaitable<void> ask_ldap(dialogue& with) {
  constexpr char head[] = {0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, static_cast<char>(0x80), 0x16};
  co_await with.send(std::string(head, sizeof head) + "1.3.6.1.4.1.1466.20037");
  const auto message = co_await read_message(with);
  const auto answer = parse_response(message);
  if (!answer)
    throw_peer_failure("it does not answer as LDAP does: it answers " + in_quotes(message), "see what listens there");
  if (answer->id == 1 && answer->result == 0) co_return;
  // The id 0 is a notice of disconnection; the result 2, protocolError, means that the server does not know StartTLS.
  throw_peer_failure("it refuses StartTLS: result code " + std::to_string(answer->result) +
                         (answer->diagnostic.empty() ? std::string() : ", " + in_quotes(answer->diagnostic)),
                     "turn TLS on at the server, or look for a port that begins with it: 636");
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
