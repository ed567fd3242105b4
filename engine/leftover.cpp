// SPDX-License-Identifier: Apache-2.0
// Does s2n-tls alone refuse input that is left over behind the last message of the peer's turn? Sluice refuses it first
// (src/core/wire/plain_flight_guard.hpp, connection::impl::has_skipped_message), and need not where this says so.
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <s2n.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

struct end {
  std::string* in;
  std::string* out;
};

int receive(void* ctx, uint8_t* into, uint32_t size) {
  auto& in = *static_cast<end*>(ctx)->in;
  const auto n = in.copy(reinterpret_cast<char*>(into), size);
  in.erase(0, n);
  if (n == 0) errno = EAGAIN;
  return n == 0 ? -1 : static_cast<int>(n);
}

int send(void* ctx, const uint8_t* from, uint32_t size) {
  static_cast<end*>(ctx)->out->append(reinterpret_cast<const char*>(from), size);
  return static_cast<int>(size);
}

std::string text_of(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  BIO_mem_contents(bio, &data, &size);
  return {reinterpret_cast<const char*>(data), size};
}

struct site {
  std::string chain, key;
};

site make_site() {
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  const bssl::UniquePtr<X509> cert(X509_new());
  const bssl::UniquePtr<BIO> chain(BIO_new(BIO_s_mem())), secret(BIO_new(BIO_s_mem()));
  EC_KEY_generate_key(ec.get());
  EVP_PKEY_set1_EC_KEY(key.get(), ec.get());
  X509_set_version(cert.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_sign(cert.get(), key.get(), EVP_sha256());
  PEM_write_bio_X509(chain.get(), cert.get());
  PEM_write_bio_PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(chain.get()), text_of(secret.get())};
}

s2n_connection* make_end(s2n_mode mode, s2n_config* config, end& io) {
  auto* made = s2n_connection_new(mode);
  s2n_connection_set_config(made, config);
  s2n_connection_set_blinding(made, S2N_SELF_SERVICE_BLINDING);
  s2n_connection_set_recv_cb(made, receive);
  s2n_connection_set_recv_ctx(made, &io);
  s2n_connection_set_send_cb(made, send);
  s2n_connection_set_send_ctx(made, &io);
  return made;
}

// 0: it refused. 3: the handshake did not come so far.
int client_with_a_byte_too_many() {
  const auto made = make_site();
  auto* chain = s2n_cert_chain_and_key_new();
  auto* config = s2n_config_new_minimal();
  s2n_cert_chain_and_key_load_pem(chain, made.chain.c_str(), made.key.c_str());
  s2n_config_add_cert_chain_and_key_to_store(config, chain);
  s2n_config_set_cipher_preferences(config, "20240331");  // TLS 1.2 alone
  s2n_config_disable_x509_verification(config);
  auto* client_config = s2n_config_new_minimal();
  s2n_config_set_cipher_preferences(client_config, "20240331");
  s2n_config_disable_x509_verification(client_config);

  std::string to_server, to_client;
  end client_io{&to_client, &to_server}, server_io{&to_server, &to_client};
  auto* client = make_end(S2N_CLIENT, client_config, client_io);
  auto* server = make_end(S2N_SERVER, config, server_io);
  s2n_blocked_status blocked = S2N_NOT_BLOCKED;
  s2n_negotiate(client, &blocked);
  s2n_negotiate(server, &blocked);
  const std::string last("\x0e\0\0\0", 4);  // ServerHelloDone, a record of its own
  if (to_client.size() < 9 || !to_client.ends_with(last)) return 3;
  to_client[to_client.size() - 5] = 5;
  to_client += '\x14';
  if (s2n_negotiate(client, &blocked) == S2N_SUCCESS) return 1;
  return s2n_error_get_type(s2n_errno) == S2N_ERR_T_PROTO ? 0 : 1;
}

}  // namespace

int main() {
  setenv("S2N_DONT_MLOCK", "1", 1);
  if (s2n_init() != S2N_SUCCESS) return 3;
  const auto child = fork();  // it may crash
  if (child == 0) {
    alarm(30);
    _exit(client_with_a_byte_too_many());
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 3) {
    std::fputs("leftover: no handshake of TLS 1.2 could be begun\n", stderr);
    return 1;
  }
  std::puts(WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "refused" : "not refused");
  return 0;
}
