// SPDX-License-Identifier: Apache-2.0
#include "support/records.hpp"

#include <algorithm>
#include <stdexcept>

namespace sluice::test {
namespace {

// Takes numbers and vectors off the front of a message (RFC 8446 §3).
class reader {
 public:
  explicit reader(std::string_view text) : rest_(text) {}
  bool empty() const { return rest_.empty(); }
  std::size_t number(std::size_t bytes) {
    std::size_t value = 0;
    for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) throw std::runtime_error("the message is too short");
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  std::string_view vector(std::size_t length_bytes) { return take(number(length_bytes)); }

 private:
  std::string_view rest_;
};

}  // namespace

std::string text_of(const wire& w) {
  std::string text(w.bytes.size(), '\0');
  std::transform(w.bytes.begin(), w.bytes.end(), text.begin(), [](std::byte b) { return static_cast<char>(b); });
  return text;
}

void put(wire& w, std::string_view bytes) {
  for (const char c : bytes) w.bytes.push_back(static_cast<std::byte>(c));
}

std::vector<tls_record> records_of(std::string_view bytes) {
  std::vector<tls_record> records;
  for (reader r(bytes); !r.empty();) {
    const auto type = static_cast<std::uint8_t>(r.number(1));
    r.take(2);
    records.push_back({type, std::string(r.vector(2))});
  }
  return records;
}

std::string alert_bytes(std::uint8_t description, std::uint8_t level) {
  return {21, 3, 3, 0, 2, static_cast<char>(level), static_cast<char>(description)};
}

std::optional<std::string> client_hello_extension(std::string_view bytes, std::uint16_t id) {
  std::string message;
  for (const auto& record : records_of(bytes)) {
    if (record.type == handshake_record) message += record.body;
  }
  reader hello(message);
  if (hello.number(1) != 1) throw std::runtime_error("not a ClientHello");
  reader body(hello.vector(3));
  body.take(2 + 32);  // version, random
  body.vector(1);     // session
  body.vector(2);     // suites
  body.vector(1);     // compression
  for (reader list(body.vector(2)); !list.empty();) {
    const auto found = list.number(2);
    const auto content = list.vector(2);
    if (found == id) return std::string(content);
  }
  return std::nullopt;
}

}  // namespace sluice::test
