// SPDX-License-Identifier: Apache-2.0
// Looks at a token again and again, and reports what changed since the last look.
#pragma once

#include "arguments/token_place.hpp"
#include "terminal/json.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tool {

// What changed. `fields` belong to the event: inserted {uri, flags}, absent, removed, flags {flags}, session {state},
// login {state}, trouble {error}, signature {ok, ms}, circuit {state}, stats {…}.
struct token_event {
  std::string name;
  json::object fields;
  std::string words;  // for people
  bool is_good = true;
};

// One token, and a key on it where the URI names one: that key is asked for a signature at each look, through the same
// pool and recovery ladder as a server's.
class token_watch {
 public:
  token_watch(const token_place& place,
              std::function<void(const token_event&)> report);  // throws where the module cannot be loaded
  void look();
  std::optional<pkcs11::token_stats> stats() const;

 private:
  void look_for_token();
  void look_at_session();
  void look_at_key();
  void compare_stats();
  void note_trouble(const failure& error);
  void report(std::string name, std::string words, json::object fields = {}, bool is_good = true);

  const token_place place_;
  const std::function<void(const token_event&)> report_;
  const pkcs11::module module_;
  std::optional<bool> is_there_;
  std::vector<std::string> flags_;
  std::optional<pkcs11::token> session_;
  std::optional<bool> is_logged_in_;
  std::shared_ptr<pkcs11::key> key_;
  std::optional<bool> does_sign_;
  std::string last_trouble_;
  pkcs11::token_stats last_;
};

}  // namespace sluice::tool
