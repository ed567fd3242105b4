// SPDX-License-Identifier: Apache-2.0
#include "common/settings.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace bench {
settings::settings(int argc, char** argv, std::vector<std::string_view> known) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto sign = argument.find('=');
    const auto name = argument.substr(0, sign);
    if (sign == std::string_view::npos || std::find(known.begin(), known.end(), name) == known.end())
      throw std::invalid_argument(std::string("unknown argument '") + argv[i] + "'");
    given_.emplace_back(name, argument.substr(sign + 1));
  }
}

std::string settings::text(std::string_view name) const {
  if (const auto* value = find(name)) return *value;
  throw std::invalid_argument("the argument " + std::string(name) + "= is missing");
}

std::uint64_t settings::number(std::string_view name, std::uint64_t otherwise) const {
  const auto* value = find(name);
  return value ? std::strtoull(value->c_str(), nullptr, 10) : otherwise;
}

const std::string* settings::find(std::string_view name) const {
  for (const auto& [key, value] : given_)
    if (key == name) return &value;
  return nullptr;
}

server_settings::server_settings(int argc, char** argv) {
  const settings given(argc, argv, {"site", "certificate", "mutual", "tickets"});
  const auto site = given.text("site") + "/", certificate = given.text("certificate");
  chain = site + certificate + ".pem";
  key = site + certificate + ".key";
  anchors = site + "ca.pem";
  is_mutual = given.number("mutual", 0) != 0;
  has_tickets = given.number("tickets", 0) != 0;
}

void report(const std::string& line) { std::cout << line << std::endl; }

void report_port(std::uint16_t port) { report("{\"port\":" + std::to_string(port) + "}"); }

bool wait_for_line() {
  std::string line;
  return static_cast<bool>(std::getline(std::cin, line));
}

}  // namespace bench
