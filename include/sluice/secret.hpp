// SPDX-License-Identifier: Apache-2.0
// Bytes that must not linger: wiped when dropped, never copied by accident, never printed.
#pragma once

#include "sluice/result.hpp"

#include <cstddef>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::inline v0 {

// A PIN, a password, a key. Move-only; the memory is overwritten before it is released. Distinct objects: safe.
class secret {
 public:
  secret() noexcept = default;
  explicit secret(std::string_view text);
  explicit secret(std::span<const std::byte> bytes);
  secret(secret&& other) noexcept;
  secret& operator=(secret&& other) noexcept;
  secret(const secret&) = delete;
  secret& operator=(const secret&) = delete;
  ~secret();

  // The first line of a file, without its line end: how PINs and passwords are kept in files.
  // errc::file_not_found or errc::file_unreadable, naming the file.
  static result<secret> from_file(const std::string& path);

  secret clone() const { return secret(view()); }
  std::string_view view() const noexcept { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(data_.get(), size_)); }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const secret&) = delete;

}  // namespace sluice::inline v0
