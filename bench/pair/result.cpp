// SPDX-License-Identifier: Apache-2.0
#include "pair/result.hpp"

#include <malloc.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace bench {

std::string to_json(const round_result& r) {
  std::ostringstream out;
  out << "{\"count\":" << r.count << ",\"resumed\":" << r.resumed << ",\"server_cpu\":" << r.server_cpu
      << ",\"client_cpu\":" << r.client_cpu << ",\"wall\":" << r.wall << ",\"p50_us\":" << r.p50_us
      << ",\"p99_us\":" << r.p99_us << ",\"version\":\"" << r.agreed.version << "\",\"cipher\":\"" << r.agreed.cipher
      << "\",\"group\":\"" << r.agreed.group << "\"}";
  return out.str();
}

std::size_t resident_bytes(bool is_trimmed) {
  if (is_trimmed) ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::size_t whole = 0, resident = 0;
  statm >> whole >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bench
