// SPDX-License-Identifier: Apache-2.0
#include "show/dates.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <cstdlib>

namespace sluice::tool {
namespace {

std::tm utc(std::chrono::system_clock::time_point when) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(when));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::tm local(std::chrono::system_clock::time_point when) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(when));
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

std::string iso_time(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc(when));
}
std::string iso_date(std::chrono::system_clock::time_point when) { return fmt::format("{:%Y-%m-%d}", utc(when)); }

std::string local_date(std::chrono::system_clock::time_point when) { return fmt::format("{:%Y-%m-%d}", local(when)); }
std::string local_time(std::chrono::system_clock::time_point when) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S %z}", local(when));
}

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
