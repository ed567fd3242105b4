// SPDX-License-Identifier: Apache-2.0
// docs/errors.md: what goes wrong, what Sluice reports, and the remedy.
#pragma once

#include "verbs/lab/run.hpp"

#include <string>

namespace sluice::tool::lab {

class errors_page {
 public:
  void add(const lab_case& one, const verdict& v);  // cases that are accepted are left out
  std::string text() const;

 private:
  std::string rows_;
  std::string group_;
};

}  // namespace sluice::tool::lab
