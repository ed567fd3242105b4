// SPDX-License-Identifier: Apache-2.0
// Takes a URI apart. Not by p11-kit: it passes over query attributes that it does not know, drops blanks, takes a PIN
// in the path, and does not wipe its copies.
#include "sluice/pkcs11/uri.hpp"

#include "pkcs11/cryptoki.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

constexpr std::string_view scheme = "pkcs11:";

enum class part : std::uint8_t { path, query };

// A text that may be a PIN: the room is taken once, so that no copy stays behind, and it is wiped.
// Every value goes through one, because what is a PIN is known by its name only, and the name may be misspelt. The
// capacity is wiped and not the size: what was decoded before an error is in it too.
class wiped_text {
 public:
  explicit wiped_text(std::size_t most) { text_.reserve(most); }
  ~wiped_text() { explicit_bzero(text_.data(), text_.capacity()); }
  wiped_text(const wiped_text&) = delete;
  wiped_text& operator=(const wiped_text&) = delete;
  void append(char c) { text_.push_back(c); }
  std::string_view view() const noexcept { return text_; }

 private:
  std::string text_;
};

// What is wrong, for people; empty: nothing.
using complaint = std::string;

// `most` is checked on decoded bytes. A label that is longer than the structure has room for can match no token, which
// would be found out much later as token_not_found.
struct attribute {
  std::string_view name;
  part where;
  std::size_t most;  // bytes of the value; 0: no limit
  complaint (*take)(uri& u, std::string_view value);
};

// Everything after the attribute's name and its `=`, decoded.
template <auto Member>
complaint take_text(uri& u, std::string_view value) {
  u.*Member = std::string(value);
  return {};
}

// Of the query: what is empty would mean "not given", and a variable that is not set makes it so.
template <auto Member>
complaint take_place(uri& u, std::string_view value) {
  if (value.empty()) return "is empty";
  if (value.find('\0') != value.npos) return "has a NUL byte in it";
  u.*Member = std::string(value);
  return {};
}

complaint take_pin(uri& u, std::string_view value) {
  u.pin_value = secret(value);
  return {};
}

complaint take_id(uri& u, std::string_view value) {
  const auto bytes = std::as_bytes(std::span(value));
  u.id = std::vector<std::byte>(bytes.begin(), bytes.end());
  return {};
}

complaint take_type(uri& u, std::string_view value) {
  constexpr std::array types = {std::string_view("private"), std::string_view("public"), std::string_view("cert"),
                                std::string_view("secret-key"), std::string_view("data")};
  if (std::ranges::find(types, value) == types.end()) return "is none of private, public, cert, secret-key and data";
  u.type = std::string(value);
  return {};
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

complaint take_slot(uri& u, std::string_view value) {
  std::uint64_t number = 0;
  if (!read_number(value, number)) return "is not a number";
  u.slot_id = number;
  return {};
}

// "2.6" as "2.6"; "2" as "2.0" (RFC 7512 §2.3).
complaint take_version(uri& u, std::string_view value) {
  const auto dot = value.find('.');
  std::uint8_t most = 0;
  std::uint8_t least = 0;
  if (!read_number(value.substr(0, dot), most) || (dot != value.npos && !read_number(value.substr(dot + 1), least)))
    return "is not a version, such as 2.6";
  u.library_version = std::to_string(most) + "." + std::to_string(least);
  return {};
}

// RFC 7512 §2.3 and §2.4; the lengths are those of PKCS#11's structures.
constexpr std::array attributes = {
    attribute{"token", part::path, 32, take_text<&uri::token>},
    attribute{"manufacturer", part::path, 32, take_text<&uri::manufacturer>},
    attribute{"model", part::path, 16, take_text<&uri::model>},
    attribute{"serial", part::path, 16, take_text<&uri::serial>},
    attribute{"library-manufacturer", part::path, 32, take_text<&uri::library_manufacturer>},
    attribute{"library-description", part::path, 32, take_text<&uri::library_description>},
    attribute{"library-version", part::path, 0, take_version},
    attribute{"slot-manufacturer", part::path, 32, take_text<&uri::slot_manufacturer>},
    attribute{"slot-description", part::path, 64, take_text<&uri::slot_description>},
    attribute{"slot-id", part::path, 0, take_slot},
    attribute{"object", part::path, 0, take_text<&uri::object>},
    attribute{"id", part::path, 0, take_id},
    attribute{"type", part::path, 0, take_type},
    attribute{"module-name", part::query, 0, take_place<&uri::module_name>},
    attribute{"module-path", part::query, 0, take_place<&uri::module_path>},
    attribute{"pin-source", part::query, 0, take_place<&uri::pin_source>},
    attribute{"pin-value", part::query, 0, take_pin},
};

const attribute* known(std::string_view name) {
  const auto found = std::ranges::find(attributes, name, &attribute::name);
  return found == attributes.end() ? nullptr : &*found;
}

// Of what is not among the attributes, and of a PIN, the value is not shown: it may be a PIN under a misspelt name.
// A URI that is rejected is shown in an error, which goes to logs. So the rule is reversed: what is shown is only what
// is known to be none.
std::string without_secrets(std::string_view text) {
  std::string shown;
  const bool is_ours = text.size() >= scheme.size() && ::strncasecmp(text.data(), scheme.data(), scheme.size()) == 0;
  if (is_ours) {
    shown = text.substr(0, scheme.size());
    text.remove_prefix(scheme.size());
  }
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(";&?"), text.size());
    const auto one = text.substr(0, end);
    const auto equals = one.find('=');
    const auto* a = known(one.substr(0, equals));
    const bool is_fine = equals == one.npos ? !is_ours || one.empty() : a != nullptr && a->take != take_pin;
    const auto hidden = equals == one.npos ? std::string("…") : std::string(one.substr(0, equals)) + "=…";
    shown += is_fine ? std::string(one) : hidden;
    if (end < text.size()) shown += text[end];
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return shown;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

complaint decode(std::string_view text, wiped_text& into) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == ' ') return "has a blank in it; write it as %20";
    if (c < 0x20 || c == 0x7f) return "has a line break or another control character in it";
    if (c != '%') {
      into.append(text[i]);
      continue;
    }
    const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return "has a % that is not followed by two hexadecimal digits; write % itself as %25";
    into.append(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return {};
}

complaint unknown_attribute(std::string_view name, part where) {
  std::string list;
  for (const auto& one : attributes) {
    if (one.where == where) list += (list.empty() ? "" : ", ") + std::string(one.name);
  }
  return "it has an attribute that RFC 7512 does not know, \"" + std::string(name) + "\"; known there are " + list;
}

complaint take(uri& u, std::string_view text, part where, std::vector<const attribute*>& seen) {
  const auto equals = text.find('=');
  const auto name = text.substr(0, equals);
  if (equals == text.npos) return "it has a part without =";
  const auto* a = known(name);
  if (a == nullptr) return unknown_attribute(name, where);
  // An error, and not passed over: in the wrong part (RFC 7512 §2.3) it would have no effect.
  if (a->where != where) {
    return std::string(name) + (where == part::path ? " belongs behind the ?" : " belongs before the ?");
  }
  if (std::ranges::find(seen, a) != seen.end()) return std::string(name) + " is given twice";
  seen.push_back(a);
  const auto encoded = text.substr(equals + 1);
  wiped_text value(encoded.size());
  auto wrong = decode(encoded, value);
  if (wrong.empty() && a->most > 0 && value.view().size() > a->most) {
    wrong = "has " + std::to_string(value.view().size()) + " bytes, and PKCS#11 has room for " +
            std::to_string(a->most) + " there";
  }
  if (wrong.empty()) wrong = a->take(u, value.view());
  return wrong.empty() ? wrong : std::string(name) + " " + wrong;
}

complaint take_all(uri& u, std::string_view text, char separator, part where) {
  std::vector<const attribute*> seen;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) {
      if (auto wrong = take(u, text.substr(0, end), where, seen); !wrong.empty()) return wrong;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

}  // namespace

result<uri> uri::parse(std::string_view text) {
  constexpr auto pattern = "write it as pkcs11:token=LABEL;object=LABEL?module-name=NAME&pin-source=file:PATH";
  if (text.size() < scheme.size() || ::strncasecmp(text.data(), scheme.data(), scheme.size()) != 0)
    return make_failure(errc::bad_uri, without_secrets(text), "it does not begin with pkcs11:", pattern);
  const auto rest = text.substr(scheme.size());
  const auto question = std::min(rest.find('?'), rest.size());
  uri u;
  auto wrong = take_all(u, rest.substr(0, question), ';', part::path);
  if (wrong.empty() && question < rest.size()) wrong = take_all(u, rest.substr(question + 1), '&', part::query);
  if (!wrong.empty()) return make_failure(errc::bad_uri, without_secrets(text), std::move(wrong), pattern);
  return u;
}

// All characters, as in id=858e87; or all but the first byte, as in id=%858e87.
std::optional<std::vector<std::byte>> id_read_as_hexadecimal(std::span<const std::byte> id) {
  std::vector<std::byte> made;
  if (id.size() % 2 != 0) {
    made.push_back(id.front());
    id = id.subspan(1);
  }
  if (id.empty()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); i += 2) {
    const int high = hex_value(static_cast<char>(id[i]));
    const int low = hex_value(static_cast<char>(id[i + 1]));
    if (high < 0 || low < 0) return std::nullopt;
    made.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return made;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
