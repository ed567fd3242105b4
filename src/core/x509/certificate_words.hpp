// SPDX-License-Identifier: Apache-2.0
// What is wrong with one certificate, in words; empty where nothing is.
#pragma once

#include "core/base/handles.hpp"
#include "sluice/certificate.hpp"
#include "sluice/context.hpp"

#include <chrono>
#include <span>
#include <string>

namespace sluice {
inline namespace v0 {
namespace internal {

x509_handle parse(const certificate& c);
bool has_signed(const certificate& issuer, const certificate& subject);

// "\"CN=x\"", or "(no subject)".
std::string quoted(const std::string& name);

// "its extension 2.5.29.17 comes twice"; "an extension of it is malformed, or contradicts another".
std::string malformation_of(const certificate& c);
// "the critical extension 1.2.3.4"
std::string unknown_critical(const certificate& c);
// Why it may not issue certificates: "it has no basicConstraints".
std::string why_no_authority(const certificate& c);
// "Permitted: DNS:example.org"
std::string constraints_of(const certificate& c);
// Why it does not serve for what the judge asks: "its extended key usage is clientAuth, and serverAuth is needed".
std::string misuse_of(const certificate& c, role judge, bool is_leaf);

// What AWS-LC says of the path from what was sent to what is trusted: X509_V_OK, X509_V_ERR_PERMITTED_VIOLATION, …
int path_error(std::span<const certificate> sent, std::span<const certificate> anchors,
               std::chrono::system_clock::time_point now);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
