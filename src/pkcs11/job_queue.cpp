// SPDX-License-Identifier: Apache-2.0
#include "pkcs11/job_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

void job_queue::insert(place before, job work) {
  const auto deadline = work.deadline;
  const auto at = entries_.insert(before, entry{std::move(work), deadlines_.end()});
  try {
    at->deadline = deadlines_.emplace(deadline, at);
  } catch (...) {
    entries_.erase(at);
    throw;
  }
}

job job_queue::remove(place at) {
  // The cursor never refers to a job that is gone.
  if (cursor_ == at) ++cursor_;
  deadlines_.erase(at->deadline);
  auto work = std::move(at->work);
  entries_.erase(at);
  return work;
}

std::optional<job> job_queue::pop_front() {
  if (entries_.empty()) return std::nullopt;
  return remove(entries_.begin());
}

std::vector<job> job_queue::take_late(time_point now) {
  std::vector<job> late;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) late.push_back(remove(deadlines_.begin()->second));
  return late;
}

std::vector<job> job_queue::take_unwanted(std::size_t most) {
  std::vector<job> unwanted;
  for (auto left = std::min(most, entries_.size()); left > 0; --left) {
    if (cursor_ == entries_.end()) cursor_ = entries_.begin();
    const auto here = cursor_++;
    if (here->work.is_wanted && !here->work.is_wanted()) unwanted.push_back(remove(here));
  }
  return unwanted;
}

std::vector<job> job_queue::take_all() {
  std::vector<job> all;
  // What may throw comes first: from here on every job is in `all`, or all are still in the queue.
  all.reserve(entries_.size());
  for (auto& one : entries_) all.push_back(std::move(one.work));
  entries_.clear();
  deadlines_.clear();
  cursor_ = entries_.end();
  return all;
}

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
