// SPDX-License-Identifier: Apache-2.0
// The combinations that connection tests run through: TLS 1.2 and 1.3, RSA and EC.
#pragma once

#include "support/certs.hpp"
#include "support/pair.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <string>

namespace sluice::test {

struct flavour {
  tls_version version;
  const char* key_type;

  version_range versions() const { return {version, version}; }
  std::string version_text() const { return std::string(to_string(version)); }
};

inline std::ostream& operator<<(std::ostream& out, const flavour& f) {
  return out << to_string(f.version) << ' ' << f.key_type;
}

inline constexpr std::array flavours = {flavour{tls_version::tls1_2, "rsa2048"}, flavour{tls_version::tls1_2, "ec256"},
                                        flavour{tls_version::tls1_3, "rsa2048"}, flavour{tls_version::tls1_3, "ec256"}};
inline constexpr flavour tls12{tls_version::tls1_2, "ec256"};
inline constexpr flavour tls13{tls_version::tls1_3, "ec256"};

// The version is the server's choice; the client offers 1.2 and 1.3.
inline pair make_pair(const flavour& f, client_options client = {}, server_options server = {}) {
  if (server.identities.empty()) server.identities = {site_identity(f.key_type)};
  server.versions = f.versions();
  return {client_context(std::move(client)), server_context(std::move(server))};
}

// For test names: "tls1_2_rsa2048".
inline std::string name_of(const flavour& f) {
  return std::string(f.version == tls_version::tls1_2 ? "tls1_2_" : "tls1_3_") + f.key_type;
}
inline std::string flavour_name(const ::testing::TestParamInfo<flavour>& info) { return name_of(info.param); }

inline std::string why(const pair& p) {
  return "client: " + p.client.last_failure().message() + "\nserver: " + p.server.last_failure().message();
}

}  // namespace sluice::test
