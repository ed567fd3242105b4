// SPDX-License-Identifier: Apache-2.0
// The buffers that s2n_sendv got in its last call; widths_test.cpp wraps it.
#pragma once

#include <sys/uio.h>

#include <vector>

namespace sluice::test {

struct sent_buffers {
  const iovec* list = nullptr;  // dangles after the call, and is only compared
  std::vector<iovec> parts;
};
inline sent_buffers last_sent;

}  // namespace sluice::test
