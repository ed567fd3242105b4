// SPDX-License-Identifier: Apache-2.0
#include "testkit/authority/scratch.hpp"

#include "testkit/authority/keys.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <stdexcept>

namespace sluice::testkit {

namespace fs = std::filesystem;

scratch_folder::scratch_folder() {
  std::error_code ec;
  const auto above = fs::temp_directory_path(ec);
  auto name = (above / "sluice-XXXXXX").string();
  if (!ec && ::mkdtemp(name.data()) == nullptr) ec = {errno, std::generic_category()};
  if (ec) {
    const char* variable = std::getenv("TMPDIR");
    const std::string place = variable != nullptr ? std::string("TMPDIR=") + variable : std::string("/tmp");
    throw error(unfit(errc::invalid_argument, place, "a temporary folder cannot be made in it: " + ec.message(),
                      "have TMPDIR name a folder that can be written to"));
  }
  path_ = name;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string scratch_folder::write(const std::string& name, const std::string& text) const {
  const auto file = path_ / name;
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error("cannot write " + file.string());
  for (std::size_t done = 0; done < text.size();) {
    const auto n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) {
      ::close(fd);
      throw std::runtime_error("cannot write " + file.string());
    }
    done += static_cast<std::size_t>(n);
  }
  ::close(fd);
  return file.string();
}

const scratch_folder& softhsm_home() {
  static const auto* home = [] {
    static scratch_folder folder;
    fs::create_directory(folder.path() / "tokens");
    const auto config =
        folder.write("softhsm2.conf", "directories.tokendir = " + (folder.path() / "tokens").string() +
                                          "\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n");
    ::setenv("SOFTHSM2_CONF", config.c_str(), 1);
    return &folder;
  }();
  return *home;
}

result<std::string> softhsm_module() { return pkcs11::module::find("softhsm2"); }

result<std::unique_ptr<scratch_token>> scratch_token::make(const std::string& label, const std::string& module) {
  static std::atomic<int> count = 0;
  const auto& home = softhsm_home();
  auto path = module.empty() ? softhsm_module() : result<std::string>(module);
  if (!path) return path.error();
  auto m = pkcs11::module::load(*path);
  if (!m) return m.error();
  std::unique_ptr<scratch_token> made(new scratch_token);
  const auto number = count++;
  made->module_path_ = *path;
  made->label_ = number == 0 ? label : label + "-" + std::to_string(number);
  made->pin_ = std::to_string(100000 + std::rand() % 900000);
  made->pin_file_ = home.write("pin-" + std::to_string(number), made->pin_ + "\n");
  auto token = pkcs11::initialize_token(*m, made->label_, "so-" + made->pin_, made->pin_);
  if (!token) return token.error();
  return made;
}

std::string scratch_token::uri(const std::string& object) const {
  pkcs11::uri u;
  u.token = label_;
  if (!object.empty()) u.object = object;
  u.module_path = module_path_;
  u.pin_source = "file:" + pin_file_;
  return u.to_string();
}

result<pkcs11::token> scratch_token::admin() const { return pkcs11::token::open(uri(""), {.is_read_write = true}); }

}  // namespace sluice::testkit
