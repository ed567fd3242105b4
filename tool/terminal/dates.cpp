// SPDX-License-Identifier: Apache-2.0
#include "terminal/dates.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace sluice::tool {
namespace {

std::tm utc(std::chrono::sys_seconds when) {
  const auto seconds = static_cast<std::time_t>(when.time_since_epoch().count());
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::tm local(std::chrono::sys_seconds when) {
  const auto seconds = static_cast<std::time_t>(when.time_since_epoch().count());
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_seconds;
using std::chrono::system_clock;

}  // namespace

std::string iso_time(sys_seconds when) { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc(when)); }
std::string iso_date(sys_seconds when) { return fmt::format("{:%Y-%m-%d}", utc(when)); }
std::string local_date(sys_seconds when) { return fmt::format("{:%Y-%m-%d}", local(when)); }
std::string local_time(sys_seconds when) { return fmt::format("{:%Y-%m-%d %H:%M:%S %z}", local(when)); }

std::string iso_time(system_clock::time_point when) { return iso_time(floor<seconds>(when)); }
std::string iso_date(system_clock::time_point when) { return iso_date(floor<seconds>(when)); }
std::string local_date(system_clock::time_point when) { return local_date(floor<seconds>(when)); }
std::string local_time(system_clock::time_point when) { return local_time(floor<seconds>(when)); }

seconds left_of(const certificate& one) { return one.valid_until() - floor<seconds>(system_clock::now()); }

std::string end_of(const certificate& one) { return one.has_no_end() ? "no end" : iso_date(one.valid_until()); }

std::string in_words(std::chrono::seconds time) {
  struct unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array units = {unit{86400, "day"}, unit{3600, "hour"}, unit{60, "minute"}};
  for (const auto& u : units) {
    if (time.count() >= 2 * u.seconds) return fmt::format("{} {}s", time.count() / u.seconds, u.name);
  }
  return fmt::format("{} second{}", time.count(), time.count() == 1 ? "" : "s");
}

std::string short_time(std::chrono::nanoseconds time) {
  const auto ms = std::chrono::duration<double, std::milli>(time).count();
  if (ms >= 1000) return fmt::format("{:.2f} s", ms / 1000);
  return fmt::format("{:.{}f} ms", ms, ms < 10 ? 2 : 1);
}

}  // namespace sluice::tool
