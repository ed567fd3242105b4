// SPDX-License-Identifier: Apache-2.0
#include "e2e/names.hpp"

#include <netdb.h>

#include <condition_variable>
#include <map>
#include <mutex>

namespace sluice::test {
namespace {

struct directory {
  std::mutex gate;
  std::condition_variable opened;
  bool is_open = true;
  std::map<std::string, std::vector<std::string>> names;
};

directory& all() {
  static directory made;
  return made;
}

}  // namespace

fake_name::fake_name(std::string host, std::vector<std::string> addresses) : host_(std::move(host)) {
  const std::lock_guard lock(all().gate);
  all().names[host_] = std::move(addresses);
}

fake_name::~fake_name() {
  const std::lock_guard lock(all().gate);
  all().names.erase(host_);
}

slow_names::slow_names() {
  const std::lock_guard lock(all().gate);
  all().is_open = false;
}

slow_names::~slow_names() {
  const std::lock_guard lock(all().gate);
  all().is_open = true;
  all().opened.notify_all();
}

}  // namespace sluice::test

extern "C" {

int __real_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found);

// Under .invalid nothing is ever found (RFC 6761 §6.4), and nobody is asked.
int __wrap_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  const std::string name = host ? host : "";
  auto& d = sluice::test::all();
  std::unique_lock lock(d.gate);
  const auto known = d.names.find(name);
  if (known == d.names.end()) {
    lock.unlock();
    if (name == "try-again.invalid") return EAI_AGAIN;
    if (name.ends_with(".invalid")) return EAI_NONAME;
    return __real_getaddrinfo(host, service, hints, found);
  }
  const auto addresses = known->second;
  d.opened.wait(lock, [&d] { return d.is_open; });
  lock.unlock();
  addrinfo numeric = *hints;
  numeric.ai_flags = AI_NUMERICHOST;
  *found = nullptr;
  addrinfo** end = found;
  for (const auto& address : addresses) {
    if (const int rc = __real_getaddrinfo(address.c_str(), service, &numeric, end); rc != 0) return rc;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return *found != nullptr ? 0 : EAI_NONAME;
}

}  // extern "C"
