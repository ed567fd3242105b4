// SPDX-License-Identifier: Apache-2.0
#include "core/base/files.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/base/wipe.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::size_t largest_file = 16 * 1024 * 1024;
constexpr std::size_t smallest_room = 16384;  // pipes and /proc do not report their length

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

struct wiped_at_end {
  std::string& text;
  ~wiped_at_end() { wipe(text); }
};

failure file_failure(const std::string& path, int error) {
  const bool is_absent = error == ENOENT || error == ENOTDIR;
  return with_usual_remedy(make_failure(is_absent ? errc::file_not_found : errc::file_unreadable, path,
                                        is_absent ? "" : std::strerror(error)));
}

// What was read so far, wiped unless it is released: of a key's file, too, when its reading fails.
// The invariant is that no copy of a byte outlives the object but in release(): growing by hand, because a string that
// grows by itself frees the old memory with the secret in it.
class growing_text {
 public:
  explicit growing_text(std::size_t room) : text_(room, '\0') {}
  growing_text(const growing_text&) = delete;
  growing_text& operator=(const growing_text&) = delete;
  ~growing_text() { wipe(text_); }

  std::span<char> room() noexcept { return std::span(text_).subspan(size_); }
  std::size_t size() const noexcept { return size_; }
  void filled(std::size_t bytes) {
    size_ += bytes;
    if (size_ < text_.size()) return;
    std::string larger(std::min(text_.size() * 2, largest_file + 1), '\0');
    text_.copy(larger.data(), size_);
    wipe(text_);
    text_.swap(larger);
  }
  std::string release() {
    text_.resize(size_);
    return std::exchange(text_, {});
  }

 private:
  std::string text_;
  std::size_t size_ = 0;
};

}  // namespace

result<std::string> read_file(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return file_failure(path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_failure(path, errno);
  // open(2) takes a folder for reading; the error of read(2) would come later and say less.
  if (S_ISDIR(info.st_mode)) return file_failure(path, EISDIR);

  // Room for all of it and one more byte: a text that grows leaves copies of itself behind.
  growing_text text(
      std::clamp<std::size_t>(static_cast<std::size_t>(info.st_size) + 1, smallest_room, largest_file + 1));
  for (;;) {
    const auto room = text.room();
    const auto n = ::read(file.get(), room.data(), room.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_failure(path, errno);
    if (n == 0) return text.release();
    if (text.size() + static_cast<std::size_t>(n) > largest_file) return file_failure(path, EFBIG);
    text.filled(static_cast<std::size_t>(n));
  }
}

std::optional<std::string_view> first_line(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return std::nullopt;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text.substr(0, text.find_first_of("\r\n"));
}

result<secret> read_secret_file(const std::string& path) {
  auto text = read_file(path);
  if (!text) return text.error();
  const wiped_at_end guard{*text};
  return secret(*text);
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
