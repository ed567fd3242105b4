// SPDX-License-Identifier: Apache-2.0
// A private key of one's own kind: whatever signs a digest can serve TLS. Here a command, which might ask a cloud.
//   09_own_signer ADDRESS PORT CHAIN_FILE 'openssl pkeyutl -sign -inkey site.key'
#include "sluice/asio.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>

#include <iostream>

namespace asio = boost::asio;

// Pipes a digest into the command and takes what it prints for the signature. For EC keys: RSA needs a padding too.
std::vector<std::byte> sign(const std::string& command, const sluice::sign_request& request) {
  std::string line = "printf '";
  const auto octal = [](std::byte b, int shift) { return std::to_string(std::to_integer<int>(b) >> shift & 7); };
  for (const auto b : request.digest()) line += '\\' + octal(b, 6) + octal(b, 3) + octal(b, 0);
  // NOLINTNEXTLINE(bugprone-command-processor): the command is the user's own argument
  const std::unique_ptr<FILE, int (*)(FILE*)> out(::popen((line + "' | " + command).c_str(), "re"), &::pclose);
  std::vector<std::byte> signature(512);
  return signature.resize(out ? std::fread(signature.data(), 1, signature.size(), out.get()) : 0), signature;
}

struct command_key final : sluice::private_key {
  explicit command_key(std::string text) : command(std::move(text)) {}
  std::string name() const override { return "command:" + command; }
  // On the loop, so it only hands the work on. A wrong signature, or none, fails that handshake alone.
  void start(const sluice::sign_request& request, sluice::signature_promise promise) override {
    asio::post(threads, [this, request, p = std::move(promise)]() mutable { p.set(sign(command, request)); });
  }
  std::string command;
  asio::thread_pool threads{4};
};

asio::awaitable<void> serve(sluice::acceptor& in) {
  for (;;) {
    auto s = co_await in.async_accept();
    co_await asio::async_write(s, asio::buffer("signed elsewhere\n", 17), asio::as_tuple(asio::use_awaitable));
    co_await s.async_shutdown(asio::as_tuple(asio::use_awaitable));
  }
}

int main(int argc, char** argv) try {
  if (argc != 5) return std::cerr << "usage: 09_own_signer ADDRESS PORT CHAIN_FILE COMMAND\n", 1;
  const auto site = sluice::identity::from_chain_file(argv[3], std::make_shared<command_key>(argv[4])).value();
  const auto tls = sluice::context::server({.identities = {site}}).value();
  asio::io_context io;
  sluice::acceptor in(io, {asio::ip::make_address(argv[1]), static_cast<unsigned short>(std::stoi(argv[2]))}, tls);
  std::cout << "listening on " << in.local_endpoint() << std::endl;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&in](const auto&, int) { in.close(); });
  asio::co_spawn(io, serve(in), [](std::exception_ptr) {});
  io.run();
} catch (const std::exception& e) {
  return std::cerr << e.what() << '\n', 1;
}
