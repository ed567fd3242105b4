// SPDX-License-Identifier: Apache-2.0
// Whole small files, with errors that name them.
#pragma once

#include "sluice/result.hpp"
#include "sluice/secret.hpp"

#include <string>

namespace sluice::inline v0::internal {

// At most 16 MiB: certificates, keys, bundles. errc::file_not_found or file_unreadable.
result<std::string> read_file(const std::string& path);

// The same for what may hold a key or a password: no copy of it stays behind.
result<secret> read_secret_file(const std::string& path);

}  // namespace sluice::inline v0::internal
