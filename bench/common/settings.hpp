// SPDX-License-Identifier: Apache-2.0
// The command line of a benchmark's programs, NAME=VALUE each, and how they report to the script that runs them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class settings {
 public:
  // Throws std::invalid_argument if an argument has no `=`, or a name that is not among `known`.
  settings(int argc, char** argv, std::vector<std::string_view> known);

  bool has(std::string_view name) const { return find(name) != nullptr; }
  std::string text(std::string_view name) const;  // throws std::invalid_argument if it is missing
  std::uint64_t number(std::string_view name, std::uint64_t otherwise) const;

 private:
  const std::string* find(std::string_view name) const;

  std::vector<std::pair<std::string, std::string>> given_;
};

// What every server is given. `site` is the folder with the certificates: NAME.pem and NAME.key for `certificate` NAME,
// and ca.pem, with which `mutual` verifies the client's.
struct server_settings {
  server_settings(int argc, char** argv);

  std::string chain, key, anchors;
  bool is_mutual, has_tickets;
};

// Prints one line of JSON and flushes it.
void report(const std::string& line);
void report_port(std::uint16_t port);

// Waits for a line on stdin, for which the script has reset its counters; false at its end.
bool wait_for_line();

}  // namespace bench
