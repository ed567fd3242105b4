// SPDX-License-Identifier: Apache-2.0
// Things that exist for the length of a program: a folder, and a SoftHSM token in it.
#pragma once

#include "sluice/pkcs11/module.hpp"
#include "sluice/pkcs11/token.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace sluice::testkit {

// Private to this user, removed with everything in it.
class scratch_folder {
 public:
  scratch_folder();
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder();
  const std::filesystem::path& path() const noexcept { return path_; }
  std::string write(const std::string& name, const std::string& text) const;  // mode 0600; answers the path

 private:
  std::filesystem::path path_;
};

// A fresh SoftHSM token. SoftHSM reads SOFTHSM2_CONF when it is first initialised in a process, so every scratch
// token of a process lives in the first one's folder.
class scratch_token {
 public:
  // `module` is SoftHSM itself, or a module in front of it.
  static result<std::unique_ptr<scratch_token>> make(const std::string& label = "sluice",
                                                     const std::string& module = {});
  const std::string& module_path() const noexcept { return module_path_; }
  const std::string& label() const noexcept { return label_; }
  const std::string& pin() const noexcept { return pin_; }
  const std::string& pin_file() const noexcept { return pin_file_; }
  // "pkcs11:token=…;object=LABEL?module-path=…&pin-source=file:…"
  std::string uri(const std::string& object) const;
  result<pkcs11::token> admin() const;

 private:
  scratch_token() = default;
  std::string module_path_, label_, pin_, pin_file_;
};

// The folder and configuration that scratch tokens of this process use; set for child processes as well.
const scratch_folder& softhsm_home();
// Where SoftHSM is installed.
result<std::string> softhsm_module();

}  // namespace sluice::testkit
