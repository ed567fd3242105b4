// SPDX-License-Identifier: Apache-2.0
// The work that waits for a token, in order, and which of it is due to be dropped. The lock is its owner's.
#pragma once

#include "pkcs11/pool.hpp"

#include <list>
#include <map>
#include <optional>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Two orders of the same jobs: by arrival, which is a list so that places stay valid, and by deadline, which refers to
// places of the list. Each job is in both or in neither.
class job_queue {
 public:
  using time_point = job::time_point;

  std::size_t size() const noexcept { return entries_.size(); }
  bool empty() const noexcept { return entries_.empty(); }
  time_point first_deadline() const noexcept {
    return deadlines_.empty() ? time_point::max() : deadlines_.begin()->first;
  }

  void push_back(job work) { insert(entries_.end(), std::move(work)); }
  void push_front(job work) { insert(entries_.begin(), std::move(work)); }
  std::optional<job> pop_front();

  std::vector<job> take_late(time_point now);
  // Jobs that no caller waits for any more, among the next `most`: each call looks where the last one stopped.
  std::vector<job> take_unwanted(std::size_t most);
  std::vector<job> take_all();

 private:
  struct entry;
  using place = std::list<entry>::iterator;
  struct entry {
    job work;
    std::multimap<time_point, place>::iterator deadline;
  };
  void insert(place before, job work);
  job remove(place at);

  std::list<entry> entries_;
  std::multimap<time_point, place> deadlines_;
  place cursor_ = entries_.end();
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
