// SPDX-License-Identifier: Apache-2.0
// Whole small files, with errors that name them.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

// At most 16 MiB: certificates, keys, bundles. errc::file_not_found or file_unreadable.
result<std::string> read_file(const std::string& path);

// The same for what may hold a key or a password: no copy of it stays behind.
result<secret> read_secret_file(const std::string& path);

// How PINs and passwords are kept in files and variables: the first line, without its end and without a UTF-8 byte
// order mark. Nothing for UTF-16, as which no secret is meant.
std::optional<std::string_view> first_line(std::string_view text);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
