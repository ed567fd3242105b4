// SPDX-License-Identifier: Apache-2.0
// What the demonstration found out, and how it is printed.
#pragma once

#include "verbs/demo/echo_clients.hpp"
#include "verbs/demo/proof.hpp"
#include "terminal/json.hpp"
#include "terminal/screen.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

struct verdict {
  std::string name;  // "echo_openssl_tls12_p256": for machines, stays as it is
  bool is_good = false;
  std::string detail;  // for people
  int code = 0;        // the exit code when it is not good
};

struct demo_handshake {
  echo_outcome outcome;
  std::optional<echo_server::handshake> seen;  // by the server
  std::string key_name;                        // "P-256"
  std::string key_uri;                         // without the way to its PIN
};

struct demo_result {
  std::vector<verdict> verdicts;
  std::vector<demo_handshake> handshakes;
  std::optional<tool::proof> proof;

  bool is_good() const;
  int exit_code() const;  // of the first verdict that does not hold
};

void print_handshakes(const screen& to, const std::vector<demo_handshake>& all);
void print_proof(const screen& to, const proof& p);
json::object describe(const demo_result& result);

}  // namespace sluice::tool
