// SPDX-License-Identifier: Apache-2.0
#include "client/session_file.hpp"

#include "terminal/files.hpp"
#include "terminal/failure.hpp"
#include "testkit/authority/signing.hpp"
#include "terminal/dates.hpp"

#include <openssl/base64.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <vector>

namespace sluice::tool {
namespace {

using std::chrono::system_clock;

// Four lines: this one, the key (session_store) it was kept under, the second of Unix time at which it ends, and the
// session in base64.
constexpr std::string_view first_line = "sluice session 2";

// "localhost:443" of the key.
std::string_view server_of(std::string_view key) { return key.substr(0, key.find(' ')); }

[[noreturn]] void damaged(const std::string& path) {
  give_up(errc::invalid_argument, path, "it is not a session's file, or is damaged",
          "make one with --session-out FILE");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (auto end = text.find('\n'); end != text.npos; end = text.find('\n', at)) {
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (at != text.size()) lines.clear();  // a line without its end: it was cut
  return lines;
}

std::optional<secret> from_base64(const std::string& text) {
  std::vector<std::uint8_t> bytes(text.size());
  std::size_t size = 0;
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  if (text.empty() || EVP_DecodeBase64(bytes.data(), &size, bytes.size(), data, text.size()) != 1) return std::nullopt;
  return secret(std::as_bytes(std::span(bytes).first(size)));
}

// Under another name first, so that the file is never half there.
boost::system::error_code write_whole(const std::string& path, std::string_view text) {
  const auto draft = path + ".new";
  const auto last_error = [] { return boost::system::error_code(errno, boost::system::system_category()); };
  ::unlink(draft.c_str());
  const int file = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return last_error();
  boost::system::error_code ec;
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    ec = errno != 0 ? last_error() : boost::system::errc::make_error_code(boost::system::errc::no_space_on_device);
  }
  if (::close(file) != 0 && !ec) ec = last_error();
  if (!ec && ::rename(draft.c_str(), path.c_str()) != 0) ec = last_error();
  if (ec) ::unlink(draft.c_str());
  return ec;
}

}  // namespace

session_file::session_file(const std::string& in, std::string out) : in_path_(in), out_path_(std::move(out)) {
  if (!in.empty()) in_ = parse(in);
}

session_file::kept session_file::parse(const std::string& path) {
  const auto lines = lines_of(read_file(path));
  if (lines.size() != 4 || lines[0] != first_line) damaged(path);
  std::int64_t until = 0;
  const auto& number = lines[2];
  const auto read = std::from_chars(number.data(), number.data() + number.size(), until);
  auto session = from_base64(lines[3]);
  if (!session || number.empty() || read.ec != std::errc() || read.ptr != number.data() + number.size()) damaged(path);
  return {lines[1], std::chrono::sys_seconds(std::chrono::seconds(until)), std::move(*session)};
}

void session_file::put(std::string_view key, std::span<const std::byte> session, std::chrono::seconds lifetime) {
  const std::lock_guard lock(gate_);
  if (out_path_.empty()) return;
  const auto until = std::chrono::floor<std::chrono::seconds>(system_clock::now()) + lifetime;
  const auto text = std::string(first_line) + "\n" + std::string(key) + "\n" +
                    std::to_string(until.time_since_epoch().count()) + "\n" + testkit::base64(session) + "\n";
  is_written_ = true;
  failure_.reset();
  if (const auto ec = write_whole(out_path_, text)) {
    failure_ = make_failure(errc::file_unreadable, out_path_, "the session cannot be written: " + ec.message(),
                            "check the folder and its permissions");
  }
}

std::optional<secret> session_file::take(std::string_view key) {
  const std::lock_guard lock(gate_);
  if (!in_) return std::nullopt;
  const auto found = std::exchange(in_, std::nullopt);
  if (server_of(found->key) != server_of(key)) {
    unused_ = "the session is for " + std::string(server_of(found->key));
  } else if (found->key != key) {
    unused_ = "the session was made with other options (trust, policy, protocols, certificate)";
  } else if (found->until <= std::chrono::floor<std::chrono::seconds>(system_clock::now())) {
    unused_ = "the session ended on " + iso_time(found->until);
  } else {
    return found->session.clone();
  }
  return std::nullopt;
}

std::optional<std::string> session_file::unused() const {
  const std::lock_guard lock(gate_);
  if (unused_.empty()) return std::nullopt;
  return in_path_ + ": " + unused_;
}

std::optional<failure> session_file::unwritten() const {
  const std::lock_guard lock(gate_);
  return failure_;
}

bool session_file::lacks_session() const {
  const std::lock_guard lock(gate_);
  return !out_path_.empty() && !is_written_;
}

}  // namespace sluice::tool
