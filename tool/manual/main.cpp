// SPDX-License-Identifier: Apache-2.0
// Writes the manual pages and the shells' completions from the definitions behind `sluice --help`; part of the build.
#include "manual/completions.hpp"
#include "manual/page.hpp"
#include "verbs/program.hpp"

#include "sluice/version.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using namespace sluice::tool;

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush()) throw std::runtime_error(path.string() + " cannot be written");
}

}  // namespace

// sluice_manual FOLDER YYYY-MM-DD
int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("sluice_manual FOLDER YYYY-MM-DD\n", stderr);
    return 1;
  }
  try {
    const auto program = definition_of(sluice_program());
    const std::filesystem::path folder = argv[1];
    const std::string version(sluice::version().text);
    for (const auto* one : all_of(program))
      write(folder / "man1" / (one->joined('-') + ".1"), manual_page(*one, program, version, argv[2]));
    write(folder / "bash" / "sluice", bash_completion(program));
    write(folder / "zsh" / "_sluice", zsh_completion(program));
    write(folder / "fish" / "sluice.fish", fish_completion(program));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sluice_manual: %s\n", e.what());
    return 1;
  }
}
