// SPDX-License-Identifier: Apache-2.0
// sluice_bench: the workloads on Sluice. `sluice_bench make-site FOLDER` makes the certificates for both sides.
#include "testkit/authority/authority.hpp"
#include "pair/worker.hpp"

#include "sluice/asio/stream.hpp"
#include "sluice/library.hpp"

#include <fstream>
#include <string_view>

namespace {

namespace asio = bench::asio;
using bench::tcp;

// s2n chooses groups by policy alone. The client's first group is its key share; the server's order decides the cipher,
// which is AES-128-GCM with each of these.
struct policies {
  std::string client, server;
};
policies policies_for(std::string_view group) {
  if (group == "x25519") return {"20190801", "default_tls13"};
  if (group == "p256") return {"20240503", "20240503"};
  return {};
}

class sluice_side {
 public:
  using stream = sluice::tcp_stream;
  using thread_scope = sluice::tls_library::thread_scope;

  sluice_side(const std::string& folder, std::string_view group)
      : server_(make_server(folder, group)),
        client_(make_client(folder, group, nullptr)),
        resuming_(make_client(folder, group, sluice::make_session_store(16, 64))) {}

  stream make_server(tcp::socket socket) { return stream(std::move(socket), server_, sluice::role::server); }
  stream make_client(tcp::socket socket, bool resume) {
    return stream(std::move(socket), resume ? resuming_ : client_, "localhost");
  }

  asio::awaitable<boost::system::error_code> shake_as_server(stream& s) { return shake(s); }
  asio::awaitable<boost::system::error_code> shake_as_client(stream& s) { return shake(s); }

  bench::negotiated describe(const stream& s) const {
    const auto& info = s.info();
    return {info.version, info.cipher, info.group, info.resumed};
  }
  void leave(stream&) const {}

 private:
  static asio::awaitable<boost::system::error_code> shake(stream& s) {
    auto [ec] = co_await s.async_handshake(bench::use_tuple);
    co_return ec;
  }

  static sluice::context make_server(const std::string& folder, std::string_view group) {
    sluice::server_options options;
    options.identities = {sluice::identity::from_pem_files(folder + "/chain.pem", folder + "/key.pem").value()};
    options.policy = policies_for(group).server;
    return sluice::context::server(options).value();
  }
  static sluice::context make_client(const std::string& folder, std::string_view group,
                                     std::shared_ptr<sluice::session_store> sessions) {
    sluice::client_options options;
    options.trust = sluice::trust::from_file(folder + "/ca.pem").value();
    options.policy = policies_for(group).client;
    options.sessions = std::move(sessions);
    return sluice::context::client(options).value();
  }

  sluice::context server_, client_, resuming_;
};

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

int make_site(const std::string& folder) {
  const auto root = sluice::testkit::authority::make_root("Sluice benchmarks").value();
  sluice::testkit::leaf_options options;
  options.common_name = "localhost";
  options.names = {"localhost", "127.0.0.1"};
  const auto site = root.issue(options).value();
  write(folder + "/ca.pem", root.certificate());
  write(folder + "/chain.pem", site.chain);
  write(folder + "/key.pem", site.key);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "make-site") return make_site(argv[2]);
  return bench::work<sluice_side>(argc, argv);
}
