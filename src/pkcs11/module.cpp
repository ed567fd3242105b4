// SPDX-License-Identifier: Apache-2.0
#include "sluice/pkcs11/module.hpp"

#include "pkcs11/library.hpp"
#include "pkcs11/tokens.hpp"

#include <p11-kit/p11-kit.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

namespace fs = std::filesystem;

// Where p11-kit was configured to keep modules and their descriptions.
constexpr const char* module_folder = SLUICE_P11_MODULE_PATH;
constexpr const char* config_folder = SLUICE_P11_MODULE_CONFIGS;
constexpr const char* own_config_folder = "/etc/pkcs11/modules";

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// "module: libsofthsm2.so" in NAME.module; relative to p11-kit's folder.
std::string module_line(const fs::path& description) {
  std::ifstream file(description);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("module:")) continue;
    const auto first = line.find_first_not_of(" \t", 7);
    const auto last = line.find_last_not_of(" \t\r");
    if (first == line.npos) return {};
    const fs::path path = line.substr(first, last - first + 1);
    return path.is_absolute() ? path.string() : (fs::path(module_folder) / path).string();
  }
  return {};
}

}  // namespace

result<module> module::load(const std::string& path, const module_options& options) {
  auto loaded = library::load(path, options);
  if (!loaded) return loaded.error();
  return module(std::move(*loaded));
}

result<std::string> module::find(std::string_view name) {
  std::string text(name);
  if (text.find('/') != text.npos) return text;
  std::string tried;
  // The name alone is tried as well, for "libsofthsm2.so". A name with a slash is a path and was returned above, so
  // that no name leads out of the folder.
  for (const auto& file : {text + ".so", "lib" + text + ".so", text}) {
    const auto path = fs::path(module_folder) / file;
    if (is_file(path)) return path.string();
    tried += (tried.empty() ? "" : ", ") + path.string();
  }
  // The administrator's folder comes before the distribution's, as in p11-kit.
  for (const auto* folder : {own_config_folder, config_folder}) {
    const auto description = fs::path(folder) / (text + ".module");
    tried += ", " + description.string();
    if (!is_file(description)) continue;
    if (auto path = module_line(description); is_file(path)) return path;
  }
  return make_failure(errc::module_load_failed, "module-name=" + text, "tried " + tried,
                      "install the module, or give its path");
}

std::vector<std::string> module::registered() {
  std::vector<std::string> names;
  for (const auto* folder : {own_config_folder, config_folder}) {
    std::error_code ec;
    // Not by a loop over the iterator: its ++ throws.
    for (fs::directory_iterator entry(folder, ec); !ec && entry != fs::directory_iterator(); entry.increment(ec)) {
      if (entry->path().extension() == ".module") names.push_back(entry->path().stem().string());
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

const module_info& module::info() const noexcept { return library_->info(); }

result<std::vector<token_info>> module::tokens() const {
  // Held for all slots: between the list and the last of them nobody may call C_Finalize.
  const auto working = library_->working();
  auto slots = library_->slots_with_token();
  if (!slots) return slots.error();
  std::vector<token_info> tokens;
  for (const auto slot : *slots) {
    CK_TOKEN_INFO info{};
    if (library_->call(&CK_FUNCTION_LIST::C_GetTokenInfo, slot, &info) == CKR_OK) {
      tokens.push_back(describe(*library_, slot, info));
    }
  }
  return tokens;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
