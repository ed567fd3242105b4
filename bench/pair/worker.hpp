// SPDX-License-Identifier: Apache-2.0
// One library's worker: reads a command a line, runs one round of it, answers with a line of JSON. bench/run holds two
// of them and gives them turns.
#pragma once

#include "pair/client.hpp"
#include "pair/lane.hpp"

#include <boost/asio/use_future.hpp>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

namespace bench {

template <class Side>
class worker {
 public:
  explicit worker(Side& side)
      : side_(side),
        server_(server_lane_.io(), side_),
        client_(client_lane_.io(), side_, server_.address(),
                {.server_cpu = [this] { return server_lane_.cpu(); },
                 .client_cpu = [this] { return client_lane_.cpu(); }}) {}

  [[noreturn]] void run() {
    for (std::string line; std::getline(std::cin, line);) std::cout << obey(line) << std::endl;
    // Connections are not taken down: nobody would measure it.
    std::_Exit(0);
  }

 private:
  std::string obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::size_t number = 0, port = 0;
    words >> verb >> number >> port;
    const auto bytes = number << 20;
    if (verb == "port") return std::to_string(server_.address().port());
    if (verb == "resident") return std::to_string(resident_bytes(number == 1));
    if (verb == "hold") {
      const tcp::endpoint other(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
      wait(client_.hold(number, other));
      return "held";
    }
    server_.set_bulk(bytes);
    const auto clients = [this] { return server_.clients(); };
    if (verb == "handshake") return to_json(wait(client_.handshakes(number, false, clients)));
    if (verb == "resume") return to_json(wait(client_.handshakes(number, true, clients)));
    if (verb == "one-way") return to_json(wait(client_.bulk(bytes, false)));
    if (verb == "both-ways") return to_json(wait(client_.bulk(bytes, true)));
    if (verb == "echo") return to_json(wait(client_.echoes(number)));
    return "{}";
  }

  template <class T>
  T wait(asio::awaitable<T> work) {
    return asio::co_spawn(client_lane_.io(), std::move(work), asio::use_future).get();
  }

  Side& side_;
  lane<typename Side::thread_scope> server_lane_, client_lane_;
  server<Side> server_;
  client<Side> client_;
};

// argv: FOLDER GROUP, where GROUP is x25519, p256 or default.
template <class Side>
int work(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " FOLDER x25519|p256|default; bench/run starts it\n";
    return 1;
  }
  Side side(argv[1], argv[2]);
  worker<Side>(side).run();
} catch (const std::exception& e) {
  std::cerr << argv[0] << ": " << e.what() << "\n";
  return 1;
}

}  // namespace bench
