// SPDX-License-Identifier: Apache-2.0
#include "core/files.hpp"

#include "core/error_tables.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::inline v0::internal {
namespace {

constexpr std::size_t largest_file = 16 * 1024 * 1024;

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

}  // namespace

result<std::string> read_file(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return file_failure(path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return file_failure(path, errno);
  if (S_ISDIR(info.st_mode)) return file_failure(path, EISDIR);

  std::string text;
  char chunk[16384];
  for (;;) {
    const auto n = ::read(file.get(), chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_failure(path, errno);
    if (n == 0) break;
    text.append(chunk, static_cast<std::size_t>(n));
    if (text.size() > largest_file) return file_failure(path, EFBIG);
  }
  explicit_bzero(chunk, sizeof chunk);
  return text;
}

}  // namespace sluice::inline v0::internal
