// SPDX-License-Identifier: Apache-2.0
#include "sluice/trust.hpp"

#include "core/base/encoding.hpp"
#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/base/files.hpp"
#include "core/x509/pkcs12.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace {

namespace fs = std::filesystem;

// update-ca-certificates and c_rehash name links "5ad8a5d6.0".
bool is_hashed_name(const fs::path& file) {
  const auto extension = file.extension().string();
  return extension.size() > 1 &&
         std::ranges::all_of(extension.substr(1), [](unsigned char c) { return std::isdigit(c); });
}

bool is_certificate_name(const fs::path& file) {
  const auto extension = file.extension();
  return extension == ".pem" || extension == ".crt" || extension == ".cer" || extension == ".der" ||
         is_hashed_name(file);
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

// Each certificate once, in the order of first appearance.
// In a folder with hashed names, which are links to the other files, each certificate comes twice.
std::vector<certificate> without_repeats(std::vector<certificate> all) {
  std::set<std::string_view> seen;  // of bytes that the first of each keeps
  std::erase_if(all, [&seen](const certificate& c) {
    return !seen.emplace(reinterpret_cast<const char*>(c.der().data()), c.der().size()).second;
  });
  return all;
}

failure empty_store(const std::vector<std::string>& tried) {
  return make_failure(errc::trust_store_empty, "system trust store", "tried " + joined(tried),
                      "install ca-certificates, or set SSL_CERT_FILE or the trust option");
}

std::string variable(const char* name) {
  const char* value = ::secure_getenv(name);  // not in a set-uid program: its caller must not choose its trust
  return value != nullptr ? value : "";
}

// "a:b" as OpenSSL splits SSL_CERT_DIR.
std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto end = std::min(list.find(':'), list.size());
    if (end > 0) parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

// The file must be good; of the folders, those that hold certificates count.
result<trust> from_environment(const std::string& file, const std::vector<std::string>& folders) {
  std::optional<trust> store;
  if (!file.empty()) {
    auto found = trust::from_file(file);
    if (!found) return found;
    store = std::move(*found);
  }
  for (const auto& folder : folders) {
    auto found = trust::from_folder(folder);
    if (found) store = store ? store->with(*found) : std::move(*found);
  }
  if (!store) return empty_store(folders);
  return *std::move(store);
}

// A store without a certificate has an error of its own.
result<trust> from_found(result<std::vector<certificate>> anchors, std::string_view where) {
  if (anchors) return trust::from_certificates(std::move(*anchors), std::string(where));
  const auto& error = anchors.error();
  if (cause_of(error.code) != errc::no_certificate) return error;
  return make_failure(errc::trust_store_empty, where, error.detail);
}

}  // namespace

system_store_paths system_store_paths::defaults() {
  return {
      .files = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                "/etc/pki/tls/cacert.pem", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem"},
      .folders = {"/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts", "/usr/local/share/certs",
                  "/etc/openssl/certs"},
      .read_environment = true};
}

result<trust> trust::system(const system_store_paths& where) {
  const auto file = where.read_environment ? variable("SSL_CERT_FILE") : "";
  const auto folders = where.read_environment ? split(variable("SSL_CERT_DIR")) : std::vector<std::string>();
  if (!file.empty() || !folders.empty()) return from_environment(file, folders);

  std::vector<std::string> tried;
  for (const auto& path : where.files) {
    tried.push_back(path);
    if (exists(path)) return from_file(path);
  }
  for (const auto& path : where.folders) {
    tried.push_back(path);
    if (!exists(path)) continue;
    // A folder without certificates is passed over, unlike a file, which has to be good.
    if (auto found = from_folder(path)) return found;
  }
  return empty_store(tried);
}

result<trust> trust::from_file(const std::string& path, const password_source& password) {
  const auto bytes = internal::read_secret_file(path);  // PKCS#12 may hold a key as well
  if (!bytes) return bytes.error();
  if (internal::encoding_of(bytes->view()) != internal::encoding::pkcs12) {
    return from_found(certificate::from_memory(bytes->view(), path), path);
  }
  auto bag = internal::open_pkcs12(bytes->view(), path, password);
  if (!bag) return bag.error();
  if (bag->certificates.empty()) return make_failure(errc::trust_store_empty, path, "no certificate in it");
  return from_certificates(std::move(bag->certificates), path);
}

result<trust> trust::from_folder(const std::string& path) {
  std::error_code ec;
  std::vector<fs::path> files;
  // Not by a loop over the iterator: its ++ throws.
  for (fs::directory_iterator entry(path, ec); !ec && entry != fs::directory_iterator(); entry.increment(ec)) {
    if (is_certificate_name(entry->path())) files.push_back(entry->path());
  }
  if (ec) {
    const bool is_absent = ec == std::errc::no_such_file_or_directory;
    return internal::with_usual_remedy(
        make_failure(is_absent ? errc::file_not_found : errc::file_unreadable, path, ec.message()));
  }
  // Folders list their files in no order; the store, and what is reported of it, is the same on every start.
  std::ranges::sort(files);
  std::vector<certificate> anchors;
  for (const auto& file : files) {
    auto found = certificate::from_file(file.string());
    if (found) anchors.insert(anchors.end(), found->begin(), found->end());
  }
  if (anchors.empty()) {
    return make_failure(errc::trust_store_empty, path, "no *.pem, *.crt, *.cer, *.der or hashed file holds one");
  }
  return from_certificates(std::move(anchors), path);
}

result<trust> trust::from_pem(std::string_view pem, std::string_view where) {
  return from_found(certificate::from_pem(pem, where), where);
}

trust trust::from_certificates(std::vector<certificate> anchors, std::string where) {
  trust made;
  made.anchors_ = without_repeats(std::move(anchors));
  made.where_ = std::move(where);
  return made;
}

trust trust::with(const trust& other) const {
  auto all = anchors_;
  all.insert(all.end(), other.anchors_.begin(), other.anchors_.end());
  return from_certificates(std::move(all), where_ + " and " + other.where_);
}

}  // namespace v0
}  // namespace sluice
