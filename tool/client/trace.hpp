// SPDX-License-Identifier: Apache-2.0
// --trace and --client-hello: the messages of a handshake as they go by, a line each.
#pragma once

#include "arguments/declaration.hpp"
#include "terminal/screen.hpp"

#include "sluice/observe.hpp"

#include <memory>

namespace sluice::tool {

struct trace_options {
  bool messages = false;      // --trace
  bool client_hello = false;  // --client-hello

  void declare(declaration& app);
  // `to` is stderr or stdout. All else goes to `other` as well, which may be null. Null where nothing was asked for and
  // there is no other.
  std::shared_ptr<observer> watch(std::FILE* to, bool is_json, std::shared_ptr<observer> other = nullptr) const;
};

}  // namespace sluice::tool
