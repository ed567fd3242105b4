// SPDX-License-Identifier: Apache-2.0
// The options that `check` and `connect` have in common.
#pragma once

#include "arguments/declaration.hpp"
#include "arguments/options.hpp"
#include "client/route.hpp"
#include "client/trace.hpp"

#include <string>

namespace sluice::tool {

struct client_verb_options {
  std::string address;
  tls_options tls;
  route_options way;
  std::string server_name;
  bool is_insecure = false;
  bool needs_tls13 = false, needs_post_quantum = false, needs_ocsp = false;
  std::string needs_alpn;
  std::string fail_under;
  std::string save_chain;
  trace_options watch;

  void declare(declaration& app);
};

}  // namespace sluice::tool
