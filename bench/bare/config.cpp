// SPDX-License-Identifier: Apache-2.0
#include "bare/config.hpp"

#include <sys/random.h>

#include <array>
#include <fstream>
#include <iterator>

namespace bench {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// s2n would start, and read the system's trust store, for a config that is not minimal.
s2n_handle<s2n_config> make_config(const char* policy) {
  check_s2n(s2n_init());
  s2n_handle<s2n_config> made(s2n_config_new_minimal());
  if (!made) check_s2n(-1);
  check_s2n(s2n_config_set_cipher_preferences(made.get(), policy));
  return made;
}

void add_identity(engine_config& to, const std::string& chain, const std::string& key) {
  to.identity.reset(s2n_cert_chain_and_key_new());
  check_s2n(s2n_cert_chain_and_key_load_pem(to.identity.get(), content_of(chain).c_str(), content_of(key).c_str()));
  check_s2n(s2n_config_add_cert_chain_and_key_to_store(to.config.get(), to.identity.get()));
}

std::uint8_t accept_any_name(const char*, std::size_t, void*) { return 1; }

void issue_tickets(s2n_config& config) {
  std::array<std::uint8_t, 32> key{};
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
    throw std::runtime_error("getrandom failed");
  const std::array<std::uint8_t, 4> name{'t', 'k', 'e', 'y'};
  check_s2n(s2n_config_set_session_tickets_onoff(&config, 1));
  check_s2n(s2n_config_add_ticket_crypto_key(&config, name.data(), name.size(), key.data(), key.size(), 0));
}

int keep_ticket(s2n_connection*, void* ticket, s2n_session_ticket* issued) {
  auto& kept = *static_cast<std::string*>(ticket);
  std::size_t size = 0;
  if (s2n_session_ticket_get_data_len(issued, &size) < 0) return -1;
  kept.resize(size);
  return s2n_session_ticket_get_data(issued, size, reinterpret_cast<std::uint8_t*>(kept.data()));
}

}  // namespace

engine_config make_server_config(const server_settings& given) {
  engine_config made;
  made.config = make_config("default_tls13");
  auto* config = made.config.get();
  add_identity(made, given.chain, given.key);
  if (given.is_mutual) {
    check_s2n(s2n_config_set_verification_ca_location(config, given.anchors.c_str(), nullptr));
    check_s2n(s2n_config_set_client_auth_type(config, S2N_CERT_AUTH_REQUIRED));
    check_s2n(s2n_config_set_verify_host_callback(config, accept_any_name, nullptr));
  }
  if (given.has_tickets) issue_tickets(*config);
  return made;
}

engine_config make_client_config(const client_settings& given, std::string& ticket) {
  engine_config made;
  made.config = make_config("20190801");  // its first group, X25519, is the key share
  auto* config = made.config.get();
  if (given.verifies) {
    check_s2n(s2n_config_set_verification_ca_location(config, (given.site + "/ca.pem").c_str(), nullptr));
  } else {
    check_s2n(s2n_config_disable_x509_verification(config));
  }
  if (given.is_mutual) {
    add_identity(made, given.site + "/client.pem", given.site + "/client.key");
    check_s2n(s2n_config_set_client_auth_type(config, S2N_CERT_AUTH_OPTIONAL));
  }
  if (given.keeps_tickets) {
    check_s2n(s2n_config_set_session_tickets_onoff(config, 1));
    check_s2n(s2n_config_set_session_ticket_cb(config, keep_ticket, &ticket));
  }
  return made;
}

}  // namespace bench
