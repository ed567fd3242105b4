// SPDX-License-Identifier: Apache-2.0
// Errors of s2n and of the system as exceptions, which end a benchmark: its figures would mean nothing.
#pragma once

#include <s2n.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

namespace bench {

inline void check_s2n(int result) {
  if (result < 0) throw std::runtime_error(s2n_strerror_debug(s2n_errno, "EN"));
}

inline int check_system(int result, const char* call) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), call);
  return result;
}

struct free_s2n {
  void operator()(s2n_config* c) const noexcept { s2n_config_free(c); }
  void operator()(s2n_connection* c) const noexcept { s2n_connection_free(c); }
  void operator()(s2n_cert_chain_and_key* c) const noexcept { s2n_cert_chain_and_key_free(c); }
};
template <class T>
using s2n_handle = std::unique_ptr<T, free_s2n>;

}  // namespace bench
