// SPDX-License-Identifier: Apache-2.0
#include "verbs/ca/folder.hpp"

#include "terminal/files.hpp"
#include "terminal/failure.hpp"
#include "terminal/dates.hpp"

#include "sluice/printable.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>

namespace sluice::tool {
namespace {

namespace fs = std::filesystem;
using std::chrono::system_clock;

// Certificates and lists are for everybody, as far as the umask allows; what holds a key is for its owner alone.
mode_t mode_of(const fs::path& path) {
  const auto end = path.extension();
  return end == ".key" || end == ".p12" ? 0600 : 0644;
}

void write_all(const fs::path& path, std::string_view text, int flags) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode_of(path));
  bool done = fd >= 0;
  while (done && !text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    done = n > 0;
    if (done) text.remove_prefix(static_cast<std::size_t>(n));
  }
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!done)
    give_up(errc::file_unreadable, path.string(), std::string("it cannot be written: ") + std::strerror(error));
}

}  // namespace

void ca_folder::create(const testkit::authority& made) const {
  std::error_code failed;
  fs::create_directories(where_, failed);
  if (failed) give_up(errc::file_unreadable, where_.string(), "it cannot be made: " + failed.message());
  refuse_existing("ca.key");
  write_new("ca.key", made.key());
  write_new("ca.pem", made.certificate());
}

testkit::authority ca_folder::authority() const {
  const auto certificate = where_ / "ca.pem";
  const auto key = where_ / "ca.key";
  for (const auto& path : {certificate, key}) {
    if (!fs::exists(path))
      give_up(errc::file_not_found, path.string(), "there is no authority here",
              "make one with `sluice ca init DIR`, and name it with --ca DIR");
  }
  auto made = testkit::authority::from_pem(read_file(certificate), read_file(key));
  if (made) return std::move(*made);
  auto reason = made.error();
  reason.where = where_.string() + ": " + reason.where;
  throw error(std::move(reason));
}

void ca_folder::refuse_existing(const std::string& name) const {
  if (!fs::exists(where_ / name)) return;
  give_up(errc::in_use, (where_ / name).string(), "it exists", "choose another name, or remove it first");
}

std::string ca_folder::write_new(const std::string& name, std::string_view text) const {
  refuse_existing(name);
  write_all(where_ / name, text, O_EXCL);
  return (where_ / name).string();
}

std::vector<testkit::revoked> ca_folder::revoked() const {
  std::vector<testkit::revoked> made;
  std::ifstream file(where_ / "revoked");
  for (std::string serial; file >> serial;) {
    std::time_t when = 0;
    file >> when;
    made.push_back({serial, system_clock::from_time_t(when)});
  }
  return made;
}

void ca_folder::record_issued(const certificate& one) const {
  write_all(where_ / "issued", one.serial() + " " + printable(one.subject()) + "\n", O_APPEND);
}

testkit::certificate_standing ca_folder::standing(const std::string& serial) const {
  const auto back = revoked();
  if (const auto at = std::ranges::find(back, serial, &testkit::revoked::serial); at != back.end()) {
    return {.what = testkit::standing::revoked, .revoked_at = at->when};
  }
  std::ifstream file(where_ / "issued");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(serial + " ")) return {.what = testkit::standing::good, .revoked_at = {}};
  }
  return {};
}

bool ca_folder::revoke(const certificate& one) const {
  const auto before = revoked();
  if (std::ranges::find(before, one.serial(), &testkit::revoked::serial) != before.end()) return false;
  const auto now = std::to_string(system_clock::to_time_t(system_clock::now()));
  write_all(where_ / "revoked", one.serial() + " " + now + "\n", O_APPEND);
  return true;
}

std::string ca_folder::write_revocation_list(std::chrono::hours validity) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch());
  const auto number = static_cast<unsigned long>(seconds.count());  // grows with each list, as RFC 5280 wants
  const auto list = testkit::make_revocation_list(authority(), revoked(), number, validity).value();
  const auto path = where_ / "crl.pem";
  const auto fresh = where_ / "crl.pem.new";
  write_all(fresh, list, O_TRUNC);
  fs::rename(fresh, path);
  return path.string();
}

}  // namespace sluice::tool
