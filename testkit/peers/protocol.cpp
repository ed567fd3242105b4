// SPDX-License-Identifier: Apache-2.0
// Old versions, old ciphers, small groups, and peers that downgrade to them; and the new ones, taken alone.
#include "testkit/peers/answer.hpp"
#include "testkit/peers/records.hpp"
#include "testkit/peers/world.hpp"

#include <functional>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
using enum tls_version;
constexpr auto protocol_group = "protocol";

constexpr auto prime_480 =
    "DE457FC73D7807DE0028AE66776BC486394CC3CC72F72A0DBF6A1F86ED82A9EF86200A6B7A3132C5690C9C403EF45CDDFB6E9840F2058FFC"
    "0CE17247";
constexpr auto prime_512 =
    "EC33D4BEEE042BA1B27B5118AEBC87A44D388986D608841992F5C4027CEF9D32E5BF20E0A84A1D0DE9F4F14FE40EA104554A7F19CCD04E13"
    "899EE29277DDF927";
constexpr auto prime_1024 =  // RFC 2409 §6.2
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE65381FFFFFFFFFFFFFFFF";
constexpr auto prime_2048 =  // RFC 3526 §3
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B"
    "302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"
    "49286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D"
    "670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF";

// The client's side of a bargain: what it must allow before it can be asked at all.
using leniency = std::function<void(client_options&)>;

leniency with_policy(const char* name) {
  return [name](client_options& options) { options.policy = name; };
}

leniency from(tls_version min) {
  return [min](client_options& options) {
    options.policy.clear();
    options.versions.min = min;
  };
}

struct old_row {
  const char* name;
  std::optional<errc> expect;
  std::optional<sluice::origin> from;
  const char* about;
  const char* note;
  old_choice choice;
  leniency adapt;
  const char* key = "rsa2048";
};

constexpr auto offers_dhe = "20170328";  // s2n's latest policy with TLS_DHE_RSA
constexpr auto offers_cbc = "ELBSecurityPolicy-2016-08";
constexpr auto offers_static_rsa = "ELBSecurityPolicy-2016-08";

const std::vector<old_row>& old_rows() {
  using enum errc;
  constexpr auto us = origin::local;
  constexpr auto them = origin::peer;
  const auto dhe = [](const char* prime) {
    return old_choice{.ciphers = {"aes128"}, .key_exchanges = {"dhe_rsa"}, .prime = prime};
  };
  // A table, a case a row.
  // clang-format off
  static const std::vector<old_row> rows = {
      {"ssl3", alert, them, "SSL 3 and nothing else", "", {.min = ssl3, .max = ssl3}, {}},
      {"tls1.0", alert, them, "TLS 1.0 and nothing else", "", {.min = tls1_0, .max = tls1_0}, {}},
      {"tls1.1", alert, them, "TLS 1.1 and nothing else", "", {.min = tls1_1, .max = tls1_1}, {}},
      {"tls1.0-allowed", {}, {}, "TLS 1.0, and the client allows it", "", {.min = tls1_0, .max = tls1_0},
       from(tls1_0)},
      {"tls1.1-allowed", {}, {}, "TLS 1.1, and the client allows it", "", {.min = tls1_1, .max = tls1_1},
       from(tls1_0)},
      {"tls1.2-only", {}, {}, "TLS 1.2 and nothing else", "", {}, {}},
      {"tls1.2-refused", alert, them, "TLS 1.2 and nothing else, and the client wants TLS 1.3", "", {}, from(tls1_3)},
      {"tls1.3-only", {}, {}, "TLS 1.3 and nothing else", "", {.min = tls1_3, .max = tls1_3}, {}, "ec256"},
      {"mozilla-modern", {}, {}, "what Mozilla calls modern: TLS 1.3, AES-GCM and ChaCha20, ECDSA", "",
       {.min = tls1_3,
        .max = tls1_3,
        .ciphers = {"aes128gcm", "aes256gcm", "chacha20-poly1305"},
        .groups = {"x25519", "secp256r1", "secp384r1"}},
       {}, "ec256"},
      {"rc4", alert, them, "RC4 and nothing else", "", {.ciphers = {"rc4"}, .macs = {"sha"}}, {}},
      {"rc4-md5", alert, them, "RC4 with MD5 and nothing else", "",
       {.ciphers = {"rc4"}, .macs = {"md5"}, .key_exchanges = {"rsa"}}, {}},
      {"null", alert, them, "no encryption and nothing else", "",
       {.ciphers = {"null"}, .macs = {"sha"}, .key_exchanges = {"rsa"}}, {}},
      {"3des", alert, them, "3DES and nothing else", "", {.ciphers = {"3des"}, .macs = {"sha"}}, {}},
      {"cbc", alert, them, "AES-CBC and nothing else", "",
       {.ciphers = {"aes128"}, .macs = {"sha"}, .key_exchanges = {"ecdhe_rsa"}}, {}},
      {"cbc-allowed", {}, {}, "AES-CBC and nothing else, and the client's policy has it", "",
       {.ciphers = {"aes128"}, .macs = {"sha"}, .key_exchanges = {"ecdhe_rsa"}}, with_policy(offers_cbc)},
      {"static-rsa", alert, them, "RSA key exchange and nothing else", "",
       {.ciphers = {"aes128gcm"}, .key_exchanges = {"rsa"}}, {}},
      {"static-rsa-allowed", {}, {}, "RSA key exchange, and the client's policy has it", "",
       {.ciphers = {"aes128gcm"}, .key_exchanges = {"rsa"}}, with_policy(offers_static_rsa)},
      {"dh-only", alert, them, "Diffie-Hellman with 2048 bits and nothing else", "", dhe(prime_2048), {}},
      {"dh480", no_shared_parameters, us, "Diffie-Hellman with 480 bits", "", dhe(prime_480), with_policy(offers_dhe)},
      {"dh512", no_shared_parameters, us, "Diffie-Hellman with 512 bits", "", dhe(prime_512), with_policy(offers_dhe)},
      {"dh1024", no_shared_parameters, us, "Diffie-Hellman with 1024 bits", "", dhe(prime_1024),
       with_policy(offers_dhe)},
      {"dh2048", {}, {}, "Diffie-Hellman with 2048 bits, and the client's policy has it", "", dhe(prime_2048),
       with_policy(offers_dhe)},
      {"anonymous", alert, them, "a key exchange without a signature", "",
       {.ciphers = {"aes128"}, .key_exchanges = {"dh_anon", "ecdh_anon"}, .is_anonymous = true}, {}},
      {"renegotiation", {}, {}, "asks for another handshake before it answers", "s2n passes over it",
       {.asks_again = true}, {}},
      {"hello-retry", {}, {}, "a group that the client has, and has not sent a share of", "",
       {.min = tls1_3, .max = tls1_3, .groups = {"secp384r1"}}, {}, "ec256"},
  };
  // clang-format on
  return rows;
}

peer old_peer(world& w, int row) {
  const auto& wanted = old_rows()[static_cast<std::size_t>(row)];
  const auto site = w.issue(good_leaf(), wanted.key);
  return {.serve = w.old_tls().serve(wanted.choice, site.chain, site.key), .adapt = wanted.adapt};
}

asio::awaitable<void> answer_in_post_quantum(tcp::socket socket, context tls) {
  tcp_stream s(std::move(socket), tls, role::server);
  judgement is_hybrid = [](const tcp_stream& done) { return done.info().post_quantum; };
  co_await answer_if(s, std::move(is_hybrid));
}

// No policy of s2n has such groups alone with certificates of today: this one hangs up on others.
peer post_quantum_only(world& w, int) {
  auto options = serving(w.issue(good_leaf()));
  options.policy = "default_pq";
  return {.serve = [tls = server_context(options)](tcp::socket socket) {
    return answer_in_post_quantum(std::move(socket), tls);
  }};
}

peer with_server_policy(world& w, const char* name) {
  auto options = serving(w.issue(good_leaf()));
  options.policy = name;
  return tls_peer(options);
}

asio::awaitable<void> greet_with(tcp::socket socket, hello_choice choice) {
  const auto hello = co_await read_some(socket);
  if (hello.empty()) co_return;
  const auto flight = record(22, server_hello(choice));
  co_await write_all(socket, flight);
  co_await wait_for_end(socket);
}

peer greeting(const hello_choice& choice, leniency adapt = {}) {
  return {.serve = [choice](tcp::socket socket) { return greet_with(std::move(socket), choice); },
          .adapt = std::move(adapt)};
}

void add_old(std::vector<lab_case>& rows) {
  const auto remedy = old_tls_remedy();
  for (int i = 0; const auto& old : old_rows()) {
    rows.push_back({.name = old.name,
                    .group = protocol_group,
                    .expect = old.expect,
                    .from = old.from,
                    .about = old.about,
                    .note = old.note,
                    .make = old_peer,
                    .argument = i++,
                    .unavailable = remedy});
  }
}

}  // namespace

std::vector<lab_case> protocol_cases() {
  using enum errc;
  constexpr auto us = origin::local;
  std::vector<lab_case> rows;
  add_old(rows);
  const std::vector<lab_case> by_hand = {
      {"downgrade-marker", protocol_group, protocol_error, us, "TLS 1.2, with the mark of a server that has TLS 1.3",
       "", [](world&, int) { return greeting({.random_end = "DOWNGRD\x01"}); }},
      {"downgrade-marker-1.1", protocol_group, protocol_error, us,
       "TLS 1.1, with the mark of a server that has TLS 1.2", "",
       [](world&, int) {
         return greeting({.version = 0x0302, .cipher = 0xc013, .random_end = std::string("DOWNGRD\0", 8)},
                         from(tls1_0));
       }},
      {"cipher-unasked", protocol_group, no_shared_parameters, us, "chooses a cipher suite that was not offered", "",
       [](world&, int) { return greeting({.cipher = 0x0005}); }},
      {"version-unasked", protocol_group, version_unsupported, us, "chooses TLS 1.0, which was not offered", "",
       [](world&, int) { return greeting({.version = 0x0301, .cipher = 0xc009}); }},
      {"pq-only", protocol_group, {}, {}, "rejects clients without ML-KEM", "", post_quantum_only},
      {"no-pq",
       protocol_group,
       {},
       {},
       "elliptic curves and nothing else",
       "",
       [](world& w, int) { return with_server_policy(w, "20240503"); }},
  };
  rows.insert(rows.end(), by_hand.begin(), by_hand.end());
  return rows;
}

}  // namespace sluice::testkit::peers
