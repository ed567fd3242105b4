// SPDX-License-Identifier: Apache-2.0
#include "server/rehearsal.hpp"

#include "terminal/failure.hpp"
#include "testkit/authority/keys.hpp"

#include "sluice/blocking.hpp"
#include "sluice/connection.hpp"
#include "sluice/dangerous.hpp"

#include <fmt/format.h>
#include <openssl/rsa.h>

#include <algorithm>

namespace sluice::tool {
namespace {

constexpr auto timeout = std::chrono::seconds(10);
constexpr int max_turns = 100;

// As far as it gets without the other side; the key is waited for.
step drive(connection& c, transport& io) {
  for (;;) {
    const auto st = c.handshake(io);
    if (st.next != want::application) return st;
    if (!blocking::wait_external(c, std::chrono::steady_clock::now() + timeout)) c.expire_application_work();
  }
}

void hand_over(memory_transport& from, memory_transport& to) {
  to.incoming.insert(to.incoming.end(), from.outgoing.begin(), from.outgoing.end());
  from.outgoing.clear();
}

std::optional<failure> shake_hands(const context& client_side, const context& server_side) {
  connection client(client_side, role::client, "localhost");
  connection server(server_side, role::server);
  memory_transport client_io, server_io;
  for (int turn = 0; turn < max_turns; ++turn) {
    const auto c = drive(client, client_io);
    hand_over(client_io, server_io);
    const auto s = drive(server, server_io);
    hand_over(server_io, client_io);
    if (s.error) return server.last_failure();
    if (c.error) return client.last_failure();
    if (c.next == want::nothing && s.next == want::nothing) return std::nullopt;
  }
  return make_failure(errc::internal, "rehearsal", "the handshake does not end");
}

// TLS 1.3 and 1.2, as far as the server speaks them; else the newest it does.
std::vector<tls_version> versions_to_try(const server_options& options) {
  const auto chosen = choose_policy(options.policy, options.versions);
  if (!chosen) return {};  // the context reports why
  const auto least = std::max(chosen->min, options.versions.min.value_or(chosen->min));
  const auto most = std::min(chosen->max, options.versions.max.value_or(chosen->max));
  std::vector<tls_version> made;
  for (const auto one : {tls_version::tls1_3, tls_version::tls1_2})
    if (least <= one && one <= most) made.push_back(one);
  if (made.empty() && least <= most) made.push_back(most);
  return made;
}

// Other failures are between our client and that policy, and do not concern the key.
bool is_of_the_key(const failure& error) {
  return error.code == errc::key_unavailable || error.code == errc::key_refused ||
         error.code == errc::signature_mismatch || error.category() == "pkcs11";
}

}  // namespace

std::optional<failure> rehearse(const server_options& options, tls_version version) {
  auto server = options;
  server.client_auth = client_auth::none;
  server.observer = nullptr;
  server.key_log = {};
  server.accept = {};
  server.blinding = blinding::off();
  client_options client;
  client.verify = dangerous::accept_any_certificate();
  client.observer = std::make_shared<observer>();  // not verifying is harmless in memory: no warning
  client.versions = {.min = version, .max = version};
  client.ocsp = false;
  client.alpn = options.alpn;
  client.blinding = blinding::off();
  const auto server_side = context::server(server);
  if (!server_side) return server_side.error();
  const auto client_side = context::client(client);
  if (!client_side) return client_side.error();
  return shake_hands(*client_side, *server_side);
}

std::optional<failure> weakness_of(std::span<const std::byte> public_key, const std::string& where) {
  const auto key = testkit::parse_public_key(public_key);
  const auto* rsa = key ? EVP_PKEY_get0_RSA(key.get()) : nullptr;
  if (rsa == nullptr || RSA_bits(rsa) >= 2048) return std::nullopt;
  return make_failure(errc::certificate_weak, where,
                      fmt::format("RSA with {} bits; clients refuse less than 2048", RSA_bits(rsa)),
                      "make a larger key, or one of another kind: sluice token keygen --type ec256");
}

bool lacks_pss(const failure& error, std::span<const std::byte> public_key) {
  const auto name = code_name(error.code);
  const auto key = testkit::parse_public_key(public_key);
  return key && EVP_PKEY_id(key.get()) == EVP_PKEY_RSA &&
         (name == "CKR_MECHANISM_INVALID" || name == "CKR_MECHANISM_PARAM_INVALID");
}

std::vector<failure> rehearse_all(const server_options& options) {
  std::vector<failure> warnings;
  for (const auto& one : options.identities) {
    if (!one.key()) continue;
    if (auto weak = weakness_of(one.chain().front().public_key(), one.key()->name())) warnings.push_back(*weak);
    auto alone = options;
    alone.identities = {one};
    bool does_work = false;
    std::vector<failure> failed;
    for (const auto version : versions_to_try(options)) {
      auto reason = rehearse(alone, version);
      if (!reason || !is_of_the_key(*reason)) {
        does_work = true;
        continue;
      }
      if (lacks_pss(*reason, one.chain().front().public_key()))
        reason->remedy = std::string("where the token cannot make RSASSA-PSS: --policy ") + policy_without_pss;
      reason->detail = fmt::format("{} does not work with this key{}{}", to_string(version),
                                   reason->detail.empty() ? "" : ": ", reason->detail);
      failed.push_back(std::move(*reason));
    }
    if (!does_work && !failed.empty()) throw error(failed.front());
    warnings.insert(warnings.end(), failed.begin(), failed.end());
  }
  return warnings;
}

}  // namespace sluice::tool
