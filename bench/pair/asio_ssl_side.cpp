// SPDX-License-Identifier: Apache-2.0
// asio_ssl_bench: the same workloads on Boost.Asio's asio::ssl and the system's OpenSSL. The one place for both.
#include "pair/worker.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <openssl/ssl.h>

#include <deque>
#include <memory>
#include <string_view>

namespace {

namespace asio = bench::asio;
namespace ssl = asio::ssl;
using bench::tcp;

struct free_session {
  void operator()(SSL_SESSION* s) const noexcept { SSL_SESSION_free(s); }
};

int sessions_index() {
  static const int index = ::SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

void use_group(ssl::context& ctx, std::string_view group) {
  if (group == "default") return;
  ::SSL_CTX_set1_groups_list(ctx.native_handle(), group == "x25519" ? "X25519" : "P-256");
  ::SSL_CTX_set_ciphersuites(ctx.native_handle(), "TLS_AES_128_GCM_SHA256");
  ::SSL_CTX_set_num_tickets(ctx.native_handle(), 1);  // as s2n gives; the default is two
}

class asio_ssl_side {
 public:
  using stream = ssl::stream<tcp::socket>;
  struct thread_scope {};

  asio_ssl_side(const std::string& folder, std::string_view group)
      : server_(ssl::context::tls_server), client_(ssl::context::tls_client), resuming_(ssl::context::tls_client) {
    server_.use_certificate_chain_file(folder + "/chain.pem");
    server_.use_private_key_file(folder + "/key.pem", ssl::context::pem);
    for (auto* ctx : {&client_, &resuming_}) {
      ctx->load_verify_file(folder + "/ca.pem");
      ctx->set_verify_mode(ssl::verify_peer);
      use_group(*ctx, group);
    }
    use_group(server_, group);
    ::SSL_CTX_set_session_cache_mode(resuming_.native_handle(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ::SSL_CTX_set_ex_data(resuming_.native_handle(), sessions_index(), &sessions_);
    ::SSL_CTX_sess_set_new_cb(resuming_.native_handle(), [](SSL* s, SSL_SESSION* session) {
      static_cast<session_queue*>(::SSL_CTX_get_ex_data(::SSL_get_SSL_CTX(s), sessions_index()))->emplace_back(session);
      return 1;
    });
  }

  stream make_server(tcp::socket socket) { return stream(std::move(socket), server_); }
  stream make_client(tcp::socket socket, bool resume) {
    stream s(std::move(socket), resume ? resuming_ : client_);
    ::SSL_set_tlsext_host_name(s.native_handle(), "localhost");
    s.set_verify_callback(ssl::host_name_verification("localhost"));
    if (resume && !sessions_.empty()) {
      ::SSL_set_session(s.native_handle(), sessions_.front().get());
      sessions_.pop_front();
    }
    return s;
  }

  asio::awaitable<boost::system::error_code> shake_as_server(stream& s) { return shake(s, ssl::stream_base::server); }
  asio::awaitable<boost::system::error_code> shake_as_client(stream& s) { return shake(s, ssl::stream_base::client); }

  bench::negotiated describe(stream& s) const {
    auto* handle = s.native_handle();
    const auto* group = ::OBJ_nid2sn(static_cast<int>(::SSL_get_negotiated_group(handle)));
    return {::SSL_get_version(handle), ::SSL_get_cipher_name(handle), group ? group : "",
            ::SSL_session_reused(handle) == 1};
  }
  // OpenSSL will not resume the session of a connection that ended without a goodbye: this one counts as said.
  void leave(stream& s) const { ::SSL_set_shutdown(s.native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

 private:
  using session_queue = std::deque<std::unique_ptr<SSL_SESSION, free_session>>;

  static asio::awaitable<boost::system::error_code> shake(stream& s, ssl::stream_base::handshake_type as) {
    auto [ec] = co_await s.async_handshake(as, bench::use_tuple);
    co_return ec;
  }

  ssl::context server_, client_, resuming_;
  session_queue sessions_;  // the client's thread only
};

}  // namespace

int main(int argc, char** argv) { return bench::work<asio_ssl_side>(argc, argv); }
