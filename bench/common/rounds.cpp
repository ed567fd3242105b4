// SPDX-License-Identifier: Apache-2.0
#include "common/rounds.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <sstream>

namespace bench {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double quantile_us(std::vector<std::chrono::nanoseconds>& times, double share) {
  if (times.empty()) return 0;
  const auto place = static_cast<std::ptrdiff_t>(static_cast<double>(times.size() - 1) * share);
  std::nth_element(times.begin(), times.begin() + place, times.end());
  return std::chrono::duration<double, std::micro>(times[static_cast<std::size_t>(place)]).count();
}

}  // namespace

void run_rounds(const std::function<round_result()>& round) {
  report("{\"ready\":true}");
  while (wait_for_line()) {
    const auto began = std::chrono::steady_clock::now();
    const auto cpu = cpu_seconds();
    auto done = round();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::ostringstream line;
    line << "{\"count\":" << done.count << ",\"seconds\":" << took.count() << ",\"cpu\":" << cpu_seconds() - cpu
         << ",\"resumed\":" << done.resumed << ",\"p50_us\":" << quantile_us(done.times, 0.5)
         << ",\"p99_us\":" << quantile_us(done.times, 0.99) << "}";
    report(line.str());
  }
}

}  // namespace bench
