// SPDX-License-Identifier: Apache-2.0
// Where `connect` keeps a session between two runs: --session-in and --session-out.
#pragma once

#include "sluice/error.hpp"
#include "sluice/session.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace sluice::tool {

// Reads one file once, and writes the newest session to another each time there is one: Ctrl-C loses nothing.
// With what is in there the session can be resumed: written for its owner alone (0600), and in one step.
class session_file final : public session_store {
 public:
  // Throws sluice::error for an input that is not there, or is not a session's file; an empty path: none.
  session_file(const std::string& in, std::string out);

  void put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) override;
  std::optional<secret> take(std::string_view key) override;

  // Why the input was of no use for this server; nothing when it was offered to it.
  std::optional<std::string> unused() const;
  // Why nothing was written although it should have been.
  std::optional<failure> unwritten() const;
  bool lacks_session() const;  // the server gave none to write

 private:
  struct kept {
    std::string key;
    std::chrono::sys_seconds until;
    secret session;
  };
  static kept parse(const std::string& path);

  mutable std::mutex gate_;
  std::string in_path_, out_path_;
  std::optional<kept> in_;
  std::string unused_;
  bool is_written_ = false;
  std::optional<failure> failure_;
};

}  // namespace sluice::tool
