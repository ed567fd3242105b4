// SPDX-License-Identifier: Apache-2.0
// What the codes of the engine and of tokens mean, and the failures made of them.
#pragma once

#include "sluice/error.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

// The tables say what a code means to a caller, never how it was reached: the diagnosis of a chain may still replace
// it.
struct s2n_row {
  std::string_view name;  // "S2N_ERR_CERT_EXPIRED"
  errc cause;
};
std::span<const s2n_row> s2n_rows() noexcept;

errc s2n_cause(int error) noexcept;
std::string s2n_message(int error);
std::string_view s2n_name(const error_code& ec) noexcept;  // "S2N_ERR_CERT_EXPIRED"; empty for a code that is not s2n's

std::string ckr_name(std::uint32_t value);  // "CKR_PIN_INCORRECT", "CKR_0x80000001" for a vendor's own
errc ckr_cause(std::uint32_t value) noexcept;

// Has AWS-LC run out of memory since its errors were last cleared? Clears them. What could not be parsed then is not to
// be called damaged.
bool lacked_memory() noexcept;
failure out_of_memory(std::string_view where);

// The failure that s2n_errno stands for right now. Call it at once: any s2n call may change it (P9).
failure s2n_failure(std::string_view where = {});

}  // namespace internal
}  // namespace v0
}  // namespace sluice
