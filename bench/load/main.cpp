// SPDX-License-Identifier: Apache-2.0
// slow_token_load: what bench/slow-token presses servers with. It makes the token and certificates, echoes behind
// proxies, and is the client; each verb answers with one line of JSON.
#include "load/outage.hpp"
#include "load/press.hpp"
#include "load/site.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string_view verb = words.empty() ? std::string_view() : words.front();
  if (verb == "site" && words.size() == 1) return bench::keep_site();
  if (verb == "backend" && words.size() == 1) return bench::run_backend();
  if (verb == "press" && words.size() == 6) {
    const auto clients = std::stoul(words[3]);
    std::cout << bench::press(words[1], words[2], clients, std::stod(words[4]), std::stod(words[5])) << std::endl;
    return 0;
  }
  if (verb == "outage" && words.size() == 4) {
    std::cout << bench::watch_outage(words[1], words[2], std::stod(words[3])) << std::endl;
    return 0;
  }
  std::cerr << "usage: slow_token_load site | backend | press PORT CA CLIENTS RATE SECONDS | outage PORT CA SECONDS\n"
               "RATE is handshakes a second, all clients together; 0: without rest. bench/slow-token starts it.\n";
  return 1;
} catch (const std::exception& e) {
  std::cerr << "slow_token_load: " << e.what() << "\n";
  return 1;
}
