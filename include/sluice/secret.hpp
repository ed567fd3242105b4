// SPDX-License-Identifier: Apache-2.0
// Secret bytes: wiped when they are destroyed, not copyable by accident, not printable.
#pragma once

#include "sluice/result.hpp"

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {

// A PIN, a password or a key. It can be moved, not copied; its memory is overwritten before it is freed. Distinct
// objects may be used by different threads.
class secret {
 public:
  secret() noexcept = default;
  explicit secret(std::string_view text);             // copies; wiping the original is up to the caller
  explicit secret(std::span<const std::byte> bytes);  // the same
  secret(secret&& other) noexcept;                    // takes the memory; `other` is empty then
  secret& operator=(secret&& other) noexcept;         // wipes what it had
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret();

  // Reads the first line of a file, without its line end, which is how PINs and passwords are stored in files. Errors:
  // errc::file_not_found and errc::file_unreadable, with the name of the file.
  static result<secret> from_file(const std::string& path);

  secret clone() const { return secret(view()); }  // a copy, on request only
  // Refers to the secret itself, until it is destroyed, moved from or assigned to. There is no NUL at the end.
  std::string_view view() const noexcept { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(data_.get(), size_)); }  // view()
  std::size_t size() const noexcept { return size_; }  // in bytes
  bool empty() const noexcept { return size_ == 0; }   // also after a move

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const secret&) = delete;

}  // namespace v0
}  // namespace sluice
