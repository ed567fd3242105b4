// SPDX-License-Identifier: Apache-2.0
#include "core/files.hpp"

#include "core/error_tables.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::inline v0::internal {
namespace {

constexpr std::size_t largest_file = 16 * 1024 * 1024;
constexpr std::size_t smallest_room = 16384;  // pipes and /proc do not tell how long they are

class descriptor {
 public:
  explicit descriptor(int value) noexcept : value_(value) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const noexcept { return value_; }

 private:
  int value_;
};

failure file_failure(const std::string& path, int error) {
  const bool is_absent = error == ENOENT || error == ENOTDIR;
  return make_failure(is_absent ? errc::file_not_found : errc::file_unreadable, path,
                      is_absent ? "" : std::strerror(error));
}

// Twice the room; what was in the old one is wiped.
void grow(std::string& text) {
  std::string larger(std::min(text.size() * 2, largest_file + 1), '\0');
  text.copy(larger.data(), text.size());
  explicit_bzero(text.data(), text.size());
  text.swap(larger);
}

}  // namespace

result<std::string> read_file(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return file_failure(path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_failure(path, errno);
  if (S_ISDIR(info.st_mode)) return file_failure(path, EISDIR);

  // Room for all of it and one more byte: a text that grows leaves copies of itself behind.
  std::string text;
  text.resize(std::clamp<std::size_t>(static_cast<std::size_t>(info.st_size) + 1, smallest_room, largest_file + 1));
  std::size_t size = 0;
  for (;;) {
    const auto n = ::read(file.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_failure(path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > largest_file) return file_failure(path, EFBIG);
    if (size == text.size()) grow(text);
  }
  text.resize(size);
  return text;
}

std::optional<std::string_view> first_line(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return std::nullopt;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text.substr(0, text.find_first_of("\r\n"));
}

result<secret> read_secret_file(const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  secret made(*text);
  explicit_bzero(text->data(), text->size());
  return made;
}

}  // namespace sluice::inline v0::internal
