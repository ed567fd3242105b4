// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/faulty_module.hpp"

#include "sluice/error.hpp"

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace sluice::testkit {

namespace fs = std::filesystem;

std::string find_faulty_module(const std::string& given) {
  constexpr auto name = "libsluice-faulty-pkcs11.so";
  std::error_code ec;
  std::vector<fs::path> places;
  if (given.empty()) {
    const auto folder = fs::read_symlink("/proc/self/exe", ec).parent_path();
    places = {folder / name, (folder / SLUICE_LIBDIR_FROM_BINDIR / "sluice" / name).lexically_normal()};
  } else {
    places = {given};
  }
  std::string tried;
  for (const auto& place : places) {
    if (fs::exists(place, ec)) return place.string();
    tried += (tried.empty() ? "" : ", ") + place.string();
  }
  throw error(make_failure(errc::module_load_failed, name, "not found; tried " + tried,
                           "give its place with --faulty-module PATH, or leave the slow token out with --no-timing"));
}

void set_up_faulty_module(const std::string& target, const std::string& script) {
  ::setenv("SLUICE_FAULTY_TARGET", target.c_str(), 1);
  ::setenv("SLUICE_FAULTY_SCRIPT", script.c_str(), 1);
}

}  // namespace sluice::testkit
