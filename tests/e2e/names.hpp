// SPDX-License-Identifier: Apache-2.0
// What names resolve to in this program, which is linked with WRAP getaddrinfo: tests must not depend on a machine's
// /etc/hosts or name servers.
#pragma once

#include <string>
#include <vector>

namespace sluice::test {

// `host` resolves to these addresses, in this order, until the object goes.
class fake_name {
 public:
  fake_name(std::string host, std::vector<std::string> addresses);
  fake_name(const fake_name&) = delete;
  fake_name& operator=(const fake_name&) = delete;
  ~fake_name();

 private:
  std::string host_;
};

// While it lives, looking up any fake name waits.
class slow_names {
 public:
  slow_names();
  slow_names(const slow_names&) = delete;
  slow_names& operator=(const slow_names&) = delete;
  ~slow_names();
};

}  // namespace sluice::test
