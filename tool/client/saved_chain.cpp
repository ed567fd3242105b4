// SPDX-License-Identifier: Apache-2.0
#include "client/saved_chain.hpp"

#include "terminal/failure.hpp"
#include "terminal/screen.hpp"

#include <fstream>

namespace sluice::tool {

void save_chain(const std::string& path, connection_report& report) {
  if (report.chain.empty()) {
    screen(stderr).line("sluice: " + path + ": not written: no certificate is known");
    return;
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const auto& one : report.chain) file << one.to_pem();
  file.close();
  if (file || report.error) return;
  report.error =
      make_failure(errc::file_unreadable, path, "the chain cannot be written", "check the folder and its permissions");
}

}  // namespace sluice::tool
