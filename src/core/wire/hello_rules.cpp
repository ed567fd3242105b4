// SPDX-License-Identifier: Apache-2.0
#include "core/wire/hello_rules.hpp"

#include "core/wire/numbers.hpp"

#include <openssl/bytestring.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

using namespace wire;

// Which extensions may stand in a server's messages of TLS 1.3 (the table of RFC 8446 §4.2).
constexpr std::array in_server_hello = {ext_pre_shared_key, ext_supported_versions, ext_key_share};
constexpr std::array in_retry_request = {ext_supported_versions, ext_cookie, ext_key_share};
constexpr std::array in_encrypted = {ext_server_name,
                                     ext_max_fragment_length,
                                     ext_supported_groups,
                                     ext_use_srtp,
                                     ext_heartbeat,
                                     ext_alpn,
                                     ext_early_data,
                                     ext_client_certificate_type,
                                     ext_server_certificate_type,
                                     ext_record_size_limit};
constexpr std::array in_certificate = {ext_status_request, ext_certificate_timestamp};
constexpr std::array in_certificate_request = {ext_status_request,        ext_signature_algorithms,
                                               ext_certificate_timestamp, ext_certificate_authorities,
                                               ext_oid_filters,           ext_signature_algorithms_cert};
// And which may not stand in a ServerHello of an earlier version, since they are part of TLS 1.3 itself.
constexpr std::array of_tls13 = {ext_pre_shared_key, ext_early_data, ext_cookie, ext_psk_modes, ext_key_share};

constexpr std::uint16_t renegotiation_signal = 0x00ff;  // a cipher suite that stands for the extension (RFC 5746)

// RFC 8446 §4.1.3
constexpr std::array<std::uint8_t, 32> retry_random = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                       0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                       0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
constexpr std::string_view could_do_tls12 = {"DOWNGRD\x01", 8};
constexpr std::string_view could_do_tls11 = {"DOWNGRD\x00", 8};

struct one_extension {
  std::uint16_t type = 0;
  CBS body;
};

// Nothing where the block is not one.
std::optional<std::vector<one_extension>> read_extensions(CBS block) {
  std::vector<one_extension> all;
  while (CBS_len(&block) > 0) {
    one_extension one;
    if (!CBS_get_u16(&block, &one.type) || !CBS_get_u16_length_prefixed(&block, &one.body)) return std::nullopt;
    all.push_back(one);
  }
  return all;
}

// The names in the body of an ALPN extension; nothing where it is not well formed.
std::optional<std::vector<std::string>> read_alpn(CBS body) {
  CBS list;
  if (!CBS_get_u16_length_prefixed(&body, &list) || CBS_len(&body) != 0 || CBS_len(&list) == 0) return std::nullopt;
  std::vector<std::string> names;
  while (CBS_len(&list) > 0) {
    CBS name;
    if (!CBS_get_u8_length_prefixed(&list, &name) || CBS_len(&name) == 0) return std::nullopt;
    names.emplace_back(reinterpret_cast<const char*>(CBS_data(&name)), CBS_len(&name));
  }
  return names;
}

std::optional<std::uint16_t> repeated(const std::vector<one_extension>& all) {
  std::vector<std::uint16_t> types;
  types.reserve(all.size());
  for (const auto& one : all) types.push_back(one.type);
  std::ranges::sort(types);
  const auto found = std::ranges::adjacent_find(types);
  return found != types.end() ? std::optional(*found) : std::nullopt;
}

CBS bytes_of(const std::vector<std::uint8_t>& body) {
  CBS all;
  CBS_init(&all, body.data(), body.size());
  return all;
}

// What our ClientHellos asked for.
struct offer {
  std::vector<std::uint16_t> types;
  std::vector<std::string> alpn;
  bool has_tls13 = false;
  std::uint16_t legacy_version = 0;

  // Of both ClientHellos, where there was a HelloRetryRequest: what either of them offered has been offered. A hello of
  // ours that cannot be read offers nothing, and every extension in the answer is then a breach.
  void read(CBS hello) {
    CBS session, suites, methods, extensions;
    if (!CBS_get_u16(&hello, &legacy_version) || !CBS_skip(&hello, 32) ||
        !CBS_get_u8_length_prefixed(&hello, &session) || !CBS_get_u16_length_prefixed(&hello, &suites) ||
        !CBS_get_u8_length_prefixed(&hello, &methods) || !CBS_get_u16_length_prefixed(&hello, &extensions)) {
      return;
    }
    for (std::uint16_t suite = 0; CBS_get_u16(&suites, &suite) == 1;) {
      if (suite == renegotiation_signal) types.push_back(ext_renegotiation_info);
    }
    const auto all = read_extensions(extensions);
    if (!all) return;
    for (const auto& one : *all) {
      types.push_back(one.type);
      if (one.type == ext_alpn) {
        alpn = read_alpn(one.body).value_or(std::vector<std::string>());
      }
      if (one.type == ext_supported_versions) read_versions(one.body);
    }
  }

  void read_versions(CBS body) {
    CBS list;
    if (!CBS_get_u8_length_prefixed(&body, &list)) return;
    for (std::uint16_t version = 0; CBS_get_u16(&list, &version) == 1;)
      has_tls13 = has_tls13 || version == version_tls13;
  }

  bool has(std::uint16_t type) const { return std::ranges::find(types, type) != types.end(); }
};

// The first breach that is found is the one that is reported. What s2n itself rejects as malformed is passed over here.
class judge {
 public:
  explicit judge(const read_flight& ours) {
    for (const auto& one : ours.messages) {
      if (one.type == message_client_hello) offer_.read(bytes_of(one.body));
    }
  }

  // Each message has its own list of extensions (RFC 8446 §4.2), but in TLS 1.2 only ServerHello has any.
  std::optional<breach> look_at(const read_flight& theirs, bool is_whole) {
    bool has_encrypted = false;
    for (const auto& one : theirs.messages) {
      const auto body = bytes_of(one.body);
      if (one.type == message_server_hello) look_at_hello(body);
      if (theirs.is_tls13() && one.type == message_encrypted_extensions) {
        has_encrypted = true;
        look_at_block(body, "EncryptedExtensions", in_encrypted);
      }
      if (theirs.is_tls13() && one.type == message_certificate) look_at_certificate(body);
      if (theirs.is_tls13() && one.type == message_certificate_request) look_at_request(body);
    }
    // It is always there: what cannot be read is not taken on trust.
    if (!found_ && is_whole && theirs.is_tls13() && !has_encrypted)
      found_ = breach{decode_error, "its EncryptedExtensions cannot be read", {}};
    return std::move(found_);
  }

 private:
  void look_at_hello(CBS body) {
    std::uint16_t version = 0, cipher = 0;
    CBS random, session, extensions;
    if (!CBS_get_u16(&body, &version) || !CBS_get_bytes(&body, &random, 32) ||
        !CBS_get_u8_length_prefixed(&body, &session) || !CBS_get_u16(&body, &cipher) || !CBS_skip(&body, 1)) {
      return;
    }
    // From the extensions on: the blocks below read their own length.
    const CBS whole = body;
    if (CBS_len(&body) == 0) return look_at_random(random, version);
    if (!CBS_get_u16_length_prefixed(&body, &extensions)) return;
    const auto all = read_extensions(extensions);
    const bool is_tls13 =
        all && std::ranges::any_of(*all, [](const one_extension& one) {
          std::uint16_t chosen = 0;
          CBS value = one.body;
          return one.type == ext_supported_versions && CBS_get_u16(&value, &chosen) && chosen == version_tls13;
        });
    if (is_tls13 && CBS_mem_equal(&random, retry_random.data(), retry_random.size()))
      return look_at_block(whole, "HelloRetryRequest", in_retry_request, ext_cookie);
    if (is_tls13) return look_at_block(whole, "ServerHello", in_server_hello);
    look_at_random(random, version);
    look_at_old_block(whole);
  }

  // A server that can do more than it chose says so in its random: the ClientHello was changed on its way.
  void look_at_random(CBS random, std::uint16_t version) {
    const std::string_view text(reinterpret_cast<const char*>(CBS_data(&random)), CBS_len(&random));
    const bool is_below_12 = version < version_tls12;
    const bool is_fooled = (offer_.has_tls13 && (text.ends_with(could_do_tls12) || text.ends_with(could_do_tls11))) ||
                           (offer_.legacy_version >= version_tls12 && is_below_12 && text.ends_with(could_do_tls11));
    if (!is_fooled) return;
    note(illegal_parameter, "it can do better than it chose (RFC 8446 §4.1.3)",
         "a middlebox may be changing the handshake: connect without proxies and inspection");
  }

  template <std::size_t N>
  void look_at_block(CBS body, const char* where, const std::array<extension, N>& allowed,
                     std::optional<std::uint16_t> unasked = std::nullopt) {
    CBS block;
    if (!CBS_get_u16_length_prefixed(&body, &block)) return;
    const auto all = checked(block, where);
    for (const auto& one : all) {
      if (std::ranges::find(allowed, one.type) == allowed.end()) {
        if (offer_.has(one.type)) {
          note(illegal_parameter, named(one.type) + " in " + where + ", where it is not allowed");
        } else {
          unsolicited(one.type, where);
        }
      } else if (!offer_.has(one.type) && one.type != unasked) {
        unsolicited(one.type, where);
      } else if (one.type == ext_alpn) {
        look_at_alpn(one.body);
      }
    }
  }

  void look_at_old_block(CBS body) {
    CBS block;
    if (!CBS_get_u16_length_prefixed(&body, &block)) return;
    for (const auto& one : checked(block, "ServerHello")) {
      if (!offer_.has(one.type)) unsolicited(one.type, "ServerHello");
      if (std::ranges::find(of_tls13, one.type) != of_tls13.end())
        note(illegal_parameter, named(one.type) + " in ServerHello, where it is not allowed");
      if (one.type == ext_alpn) look_at_alpn(one.body);
    }
  }

  void look_at_certificate(CBS body) {
    CBS context, list;
    if (!CBS_get_u8_length_prefixed(&body, &context) || !CBS_get_u24_length_prefixed(&body, &list)) return;
    while (CBS_len(&list) > 0) {
      CBS der, block;
      if (!CBS_get_u24_length_prefixed(&list, &der)) return;
      look_at_block(list, "Certificate", in_certificate);
      if (!CBS_get_u16_length_prefixed(&list, &block)) return;
    }
  }

  // A question of the server's own: in it, what we do not know is ignored (RFC 8446 §4.3.2).
  void look_at_request(CBS body) {
    CBS context, block;
    if (!CBS_get_u8_length_prefixed(&body, &context) || !CBS_get_u16_length_prefixed(&body, &block)) return;
    for (const auto& one : checked(block, "CertificateRequest")) {
      const bool is_allowed = std::ranges::find(in_certificate_request, one.type) != in_certificate_request.end();
      if (!is_allowed && offer_.has(one.type))
        note(illegal_parameter, named(one.type) + " in CertificateRequest, where it is not allowed");
    }
  }

  void look_at_alpn(CBS body) {
    const auto names = read_alpn(body);
    if (!names || names->size() != 1) return note(decode_error, "its answer to ALPN is not one protocol");
    if (std::ranges::find(offer_.alpn, names->front()) != offer_.alpn.end()) return;
    note(illegal_parameter, "it chose the application protocol \"" + names->front() + "\", which was not offered");
  }

  std::vector<one_extension> checked(CBS block, const char* where) {
    auto all = read_extensions(block);
    if (!all) {
      note(decode_error, std::string("the extensions in ") + where + " are malformed");
      return {};
    }
    if (const auto twice = repeated(*all)) note(illegal_parameter, named(*twice) + " twice in " + where);
    return std::move(*all);
  }

  void unsolicited(std::uint16_t type, const char* where) {
    note(unsupported_extension, named(type) + " in " + where + ", which was not asked for");
  }

  static std::string named(std::uint16_t type) { return "it sent the extension " + std::to_string(type); }

  void note(std::uint8_t with, std::string detail, std::string remedy = {}) {
    if (!found_) found_ = breach{with, std::move(detail), std::move(remedy)};
  }

  offer offer_;
  std::optional<breach> found_;
};

}  // namespace

std::optional<breach> breach_of_server(const read_flight& ours, const read_flight& theirs, bool is_whole) {
  return judge(ours).look_at(theirs, is_whole);
}

client_extensions read_client_extensions(std::span<const std::uint8_t> block) {
  client_extensions made;
  CBS bytes;
  CBS_init(&bytes, block.data(), block.size());
  const auto all = read_extensions(bytes);
  if (!all) return made;  // s2n refuses it
  if (const auto twice = repeated(*all)) {
    made.fault =
        breach{illegal_parameter, "its ClientHello has the extension " + std::to_string(*twice) + " twice", {}};
  }
  for (const auto& one : *all) {
    made.lists_versions = made.lists_versions || one.type == ext_supported_versions;
    if (one.type != ext_alpn) continue;
    auto names = read_alpn(one.body);
    if (!names && !made.fault) made.fault = breach{decode_error, "its list for ALPN is malformed", {}};
    if (names) made.alpn = std::move(*names);
  }
  return made;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
