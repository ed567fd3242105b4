// SPDX-License-Identifier: Apache-2.0
#include "terminal/files.hpp"

#include "terminal/failure.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace sluice::tool {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  if (!file) give_up(std::filesystem::exists(path, ignored) ? errc::file_unreadable : errc::file_not_found, path);
  if (is_folder) give_up(errc::file_unreadable, path, "it is a folder");
  try {
    return {std::istreambuf_iterator<char>(file), {}};
  } catch (const std::system_error& e) {  // of the stream's buffer
    give_up(errc::file_unreadable, path, e.code().message());
  }
}

}  // namespace sluice::tool
