// SPDX-License-Identifier: Apache-2.0
// The s2n calls whose sizes are narrower than ours: out of range is an error, and s2n is not called.
#pragma once

#include "sluice/error.hpp"

#include <s2n.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace internal {

// boost::system::errc::result_out_of_range, or s2n's error as a code of s2n_category(), or nothing.
error_code set_output(s2n_async_pkey_op* op, std::span<const std::byte> signature) noexcept;
error_code load_public_chain(s2n_cert_chain_and_key* chain, std::string_view pem) noexcept;
error_code load_chain_and_key(s2n_cert_chain_and_key* chain, std::string_view pem, std::string_view key) noexcept;
error_code set_ocsp_response(s2n_cert_chain_and_key* chain, std::span<const std::byte> response) noexcept;

// As s2n_recv and s2n_sendv: the count, or -1 with `ec` set. A blocked call sets S2N's blocked code.
ssize_t receive(s2n_connection* connection, std::span<std::byte> into, s2n_blocked_status& blocked,
                error_code& ec) noexcept;
ssize_t send(s2n_connection* connection, std::span<const ::iovec> from, s2n_blocked_status& blocked,
             error_code& ec) noexcept;

}  // namespace internal
}  // namespace v0
}  // namespace sluice
