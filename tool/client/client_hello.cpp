// SPDX-License-Identifier: Apache-2.0
#include "client/client_hello.hpp"

#include "terminal/table.hpp"
#include "terminal/tls_names.hpp"

#include "core/wire/numbers.hpp"

#include <boost/json/array.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sluice::tool {
namespace {

namespace json = boost::json;
namespace wire = internal::wire;
using names_function = std::string_view (*)(std::uint16_t);

// Big-endian numbers, and vectors behind their length; what is not there is nothing.
class reader {
 public:
  explicit reader(std::string_view bytes) : left_(bytes) {}

  bool is_empty() const { return left_.empty(); }
  std::optional<std::string_view> take(std::size_t size) {
    if (left_.size() < size) return std::nullopt;
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::optional<std::size_t> number(std::size_t size) {
    const auto bytes = take(size);
    if (!bytes) return std::nullopt;
    std::size_t value = 0;
    for (const auto c : *bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }
  std::optional<std::uint16_t> code() {
    const auto value = number(2);
    return value ? std::optional(static_cast<std::uint16_t>(*value)) : std::nullopt;
  }
  std::optional<std::string_view> vector(std::size_t length_size) {
    const auto size = number(length_size);
    return size ? take(*size) : std::nullopt;
  }

 private:
  std::string_view left_;
};

std::vector<std::uint16_t> codes_of(std::optional<std::string_view> bytes) {
  std::vector<std::uint16_t> made;
  reader r(bytes.value_or(std::string_view()));
  while (const auto code = r.code()) made.push_back(*code);
  return made;
}

// Once for each list within a list.
template <class Take>
void each(std::optional<std::string_view> list, Take take) {
  reader r(list.value_or(std::string_view()));
  while (!r.is_empty() && take(r)) {
  }
}

void read_extension(client_hello& hello, const client_hello::extension& one) {
  reader r(one.body);
  switch (one.code) {
    case wire::ext_server_name:
      each(r.vector(2), [&hello](reader& names) {
        const auto type = names.number(1);
        const auto name = names.vector(2);
        if (type == 0u && name) hello.server_name = *name;
        return name.has_value();
      });
      break;
    case wire::ext_alpn:
      each(r.vector(2), [&hello](reader& names) {
        const auto name = names.vector(1);
        if (name) hello.alpn.emplace_back(*name);
        return name.has_value();
      });
      break;
    case wire::ext_key_share:
      each(r.vector(2), [&hello](reader& shares) {
        const auto group = shares.code();
        const auto share = group ? shares.vector(2) : std::nullopt;
        if (share) hello.key_shares.push_back({*group, share->size()});
        return share.has_value();
      });
      break;
    case wire::ext_pre_shared_key:
      each(r.vector(2), [&hello](reader& identities) {
        const bool is_whole = identities.vector(2) && identities.take(4);
        if (is_whole) ++hello.sessions;
        return is_whole;
      });
      break;
    case wire::ext_supported_groups: hello.groups = codes_of(r.vector(2)); break;
    case wire::ext_signature_algorithms: hello.schemes = codes_of(r.vector(2)); break;
    case wire::ext_supported_versions: hello.versions = codes_of(r.vector(1)); break;
    default: break;
  }
}

std::string hexadecimal(std::string_view bytes) {
  std::string text;
  for (const auto c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string named(std::uint16_t code, names_function name) { return fmt::format("0x{:04x} {}", code, name(code)); }

void add_list(table& to, const char* head, const std::vector<std::uint16_t>& codes, names_function name) {
  for (std::size_t i = 0; i < codes.size(); ++i) to.add({{i == 0 ? head : "", tone::quiet}, named(codes[i], name)});
}

json::array described(const std::vector<std::uint16_t>& codes, names_function name) {
  json::array made;
  for (const auto code : codes) made.push_back({{"code", fmt::format("0x{:04x}", code)}, {"name", name(code)}});
  return made;
}

}  // namespace

std::optional<client_hello> parse_client_hello(std::span<const std::byte> message) {
  const std::string_view bytes(reinterpret_cast<const char*>(message.data()), message.size());
  reader whole(bytes);
  const auto type = whole.number(1);
  const auto body = whole.vector(3);
  if (type != 1u || !body) return std::nullopt;
  client_hello made;
  made.size = bytes.size();
  reader r(*body);
  const auto version = r.code();
  const auto random = r.take(32);
  const auto session = r.vector(1);
  const auto suites = r.vector(2);
  const auto compressions = r.vector(1);
  if (!version || !random || !session || !suites || !compressions) return std::nullopt;
  made.version = *version;
  made.random = *random;
  made.session_id = *session;
  made.suites = codes_of(suites);
  each(r.vector(2), [&made](reader& extensions) {
    const auto code = extensions.code();
    const auto body = code ? extensions.vector(2) : std::nullopt;
    if (body) made.extensions.push_back({*code, std::string(*body)});
    return body.has_value();
  });
  for (const auto& one : made.extensions) read_extension(made, one);
  return made;
}

void print_client_hello(const client_hello& hello, const screen& to) {
  table facts({{""}, {""}});
  const auto text_or = [](const std::string& text, const char* otherwise) {
    return text.empty() ? std::string(otherwise) : text;
  };
  facts.add({{"size", tone::quiet}, fmt::format("{} bytes", hello.size)});
  facts.add({{"legacy version", tone::quiet}, named(hello.version, version_name)});
  facts.add({{"random", tone::quiet}, hexadecimal(hello.random)});
  facts.add({{"session ID", tone::quiet}, text_or(hexadecimal(hello.session_id), "none")});
  facts.add({{"SNI", tone::quiet}, text_or(hello.server_name, "none")});
  facts.add({{"ALPN", tone::quiet}, text_or(fmt::format("{}", fmt::join(hello.alpn, ", ")), "none")});
  add_list(facts, "versions", hello.versions, version_name);
  add_list(facts, "cipher suites", hello.suites, cipher_suite_name);
  add_list(facts, "groups", hello.groups, group_name);
  for (std::size_t i = 0; i < hello.key_shares.size(); ++i) {
    const auto& share = hello.key_shares[i];
    facts.add({{i == 0 ? "key shares" : "", tone::quiet},
               fmt::format("{}, {} bytes", named(share.group, group_name), share.size)});
  }
  add_list(facts, "signatures", hello.schemes, signature_scheme_name);
  if (hello.sessions > 0) facts.add({{"sessions", tone::quiet}, fmt::format("{} offered", hello.sessions)});
  for (std::size_t i = 0; i < hello.extensions.size(); ++i) {
    const auto& one = hello.extensions[i];
    facts.add({{i == 0 ? "extensions" : "", tone::quiet},
               fmt::format("{}, {} bytes", named(one.code, extension_name), one.body.size())});
  }
  facts.print(to);
}

json::object describe(const client_hello& hello) {
  json::array protocols, shares, extensions;
  for (const auto& name : hello.alpn) protocols.emplace_back(name);
  for (const auto& one : hello.key_shares) {
    shares.push_back(
        {{"code", fmt::format("0x{:04x}", one.group)}, {"name", group_name(one.group)}, {"size", one.size}});
  }
  for (const auto& one : hello.extensions) {
    extensions.push_back({{"code", fmt::format("0x{:04x}", one.code)},
                          {"name", extension_name(one.code)},
                          {"size", one.body.size()},
                          {"hex", hexadecimal(one.body)}});
  }
  const bool is_named = !hello.server_name.empty();
  return {{"size", hello.size},
          {"version", {{"code", fmt::format("0x{:04x}", hello.version)}, {"name", version_name(hello.version)}}},
          {"random", hexadecimal(hello.random)},
          {"session_id", hexadecimal(hello.session_id)},
          {"server_name", is_named ? json::value(hello.server_name) : json::value(nullptr)},
          {"alpn", std::move(protocols)},
          {"versions", described(hello.versions, version_name)},
          {"cipher_suites", described(hello.suites, cipher_suite_name)},
          {"groups", described(hello.groups, group_name)},
          {"key_shares", std::move(shares)},
          {"signature_schemes", described(hello.schemes, signature_scheme_name)},
          {"sessions", hello.sessions},
          {"extensions", std::move(extensions)}};
}

}  // namespace sluice::tool
