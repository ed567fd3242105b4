// SPDX-License-Identifier: Apache-2.0
#include "sluice/secret.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/files.hpp"

#include <cstring>
#include <utility>

namespace sluice {
inline namespace v0 {

secret::secret(std::string_view text) : data_(std::make_unique<char[]>(text.size())), size_(text.size()) {
  text.copy(data_.get(), text.size());
}

secret::secret(std::span<const std::byte> bytes)
    : secret(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())) {}

secret::secret(secret&& other) noexcept : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}

secret& secret::operator=(secret&& other) noexcept {
  const secret wiped(std::move(*this));
  data_ = std::move(other.data_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

secret::~secret() {
  if (data_) explicit_bzero(data_.get(), size_);
}

result<secret> secret::from_file(const std::string& path) {
  const auto text = internal::read_secret_file(path);
  if (!text) return text.error();
  const auto line = internal::first_line(text->view());
  if (!line) {
    return make_failure(errc::file_unreadable, path, "it is UTF-16", "save it as UTF-8");
  }
  return secret(*line);
}

}  // namespace v0
}  // namespace sluice
