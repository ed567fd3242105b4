// SPDX-License-Identifier: Apache-2.0
#include "verbs/token/describe.hpp"

#include <fmt/format.h>

namespace sluice::tool {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const auto b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

json::array describe(std::span<const std::string> words) {
  json::array all;
  for (const auto& word : words) all.emplace_back(word);
  return all;
}

json::object describe(const pkcs11::key_info& key, const token_place& place) {
  return {
      {"uri", place.ready(key.uri)},
      {"label", key.label},
      {"id", hex(key.id)},
      {"type", key.type},
      {"sign", key.can_sign},
      {"decrypt", key.can_decrypt},
      {"local", key.is_local},
      {"sensitive", key.is_sensitive},
      {"extractable", key.is_extractable},
      {"always_authenticate", key.always_authenticate},
      {"public_key_sha256", key.public_key.empty() ? json::value(nullptr) : json::value(sha256_hex(key.public_key))}};
}

json::object describe(const pkcs11::certificate_info& one, const token_place& place) {
  json::object made{{"uri", place.ready(one.uri)}, {"label", one.label}, {"id", hex(one.id)}};
  made["certificate"] = one.parsed.empty() ? json::value(nullptr) : json::value(describe(one.parsed.front()));
  return made;
}

}  // namespace sluice::tool
