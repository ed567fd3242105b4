// SPDX-License-Identifier: Apache-2.0
// Times for people and machines.
#pragma once

#include "sluice/certificate.hpp"

#include <chrono>
#include <string>

namespace sluice::tool {

std::string iso_time(std::chrono::system_clock::time_point when);  // "2026-11-23T17:39:00Z"
std::string iso_date(std::chrono::system_clock::time_point when);  // "2026-11-23"
// The same in this machine's time zone.
std::string local_date(std::chrono::system_clock::time_point when);  // "2026-11-23"
std::string local_time(std::chrono::system_clock::time_point when);  // "2026-11-23 18:39:00 +0100"
// The same for dates up to the year 9999, which system_clock cannot hold.
std::string iso_time(std::chrono::sys_seconds when);
std::string iso_date(std::chrono::sys_seconds when);
std::string local_date(std::chrono::sys_seconds when);
std::string local_time(std::chrono::sys_seconds when);
// How long a certificate is still valid; negative once it has expired.
std::chrono::seconds left_of(const certificate& one);
// "2027-11-23", or "no end" (RFC 5280 §4.1.2.5).
std::string end_of(const certificate& one);
// "29 days", "5 hours", "12 minutes": the largest unit of which there are two or more, rounded down.
std::string in_words(std::chrono::seconds time);
// "0.08 ms", "12.3 ms", "1.52 s": three digits or so.
std::string short_time(std::chrono::nanoseconds time);

}  // namespace sluice::tool
