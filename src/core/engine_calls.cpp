// SPDX-License-Identifier: Apache-2.0
#include "core/engine_calls.hpp"

#include "core/base/narrow.hpp"

#include <boost/system/errc.hpp>

#include <sys/uio.h>

#include <limits>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

error_code out_of_range() noexcept {
  return boost::system::errc::make_error_code(boost::system::errc::result_out_of_range);
}

error_code outcome(int rc) noexcept { return rc == S2N_SUCCESS ? error_code() : error_code(s2n_errno, s2n_category()); }

// s2n takes PEM as mutable bytes and does not change them.
uint8_t* bytes_of(std::string_view text) noexcept { return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data())); }

const uint8_t* bytes_of(std::span<const std::byte> data) noexcept {
  return reinterpret_cast<const uint8_t*>(data.data());
}

}  // namespace

error_code set_output(s2n_async_pkey_op* op, std::span<const std::byte> signature) noexcept {
  const auto size = narrow<uint32_t>(signature.size());
  if (!size) return out_of_range();
  return outcome(s2n_async_pkey_op_set_output(op, bytes_of(signature), *size));
}

error_code load_public_chain(s2n_cert_chain_and_key* chain, std::string_view pem) noexcept {
  const auto size = narrow<uint32_t>(pem.size());
  if (!size) return out_of_range();
  return outcome(s2n_cert_chain_and_key_load_public_pem_bytes(chain, bytes_of(pem), *size));
}

error_code load_chain_and_key(s2n_cert_chain_and_key* chain, std::string_view pem, std::string_view key) noexcept {
  const auto pem_size = narrow<uint32_t>(pem.size());
  const auto key_size = narrow<uint32_t>(key.size());
  if (!pem_size || !key_size) return out_of_range();
  return outcome(s2n_cert_chain_and_key_load_pem_bytes(chain, bytes_of(pem), *pem_size, bytes_of(key), *key_size));
}

error_code set_ocsp_response(s2n_cert_chain_and_key* chain, std::span<const std::byte> response) noexcept {
  const auto size = narrow<uint32_t>(response.size());
  if (!size) return out_of_range();
  return outcome(s2n_cert_chain_and_key_set_ocsp_data(chain, bytes_of(response), *size));
}

ssize_t receive(s2n_connection* connection, std::span<std::byte> into, s2n_blocked_status& blocked,
                error_code& ec) noexcept {
  const auto size = narrow<ssize_t>(into.size());
  if (!size) {
    ec = out_of_range();
    return -1;
  }
  const auto n = s2n_recv(connection, into.data(), *size, &blocked);
  if (n < 0) ec = {s2n_errno, s2n_category()};
  return n;
}

ssize_t send(s2n_connection* connection, std::span<const ::iovec> from, s2n_blocked_status& blocked,
             error_code& ec) noexcept {
  std::size_t total = 0;
  for (const auto& part : from) {
    if (part.iov_len > std::numeric_limits<std::size_t>::max() - total) {
      ec = out_of_range();
      return -1;
    }
    total += part.iov_len;
  }
  const auto count = narrow<ssize_t>(from.size());
  if (!count || !narrow<ssize_t>(total)) {
    ec = out_of_range();
    return -1;
  }
  const auto n = s2n_sendv(connection, from.data(), *count, &blocked);
  if (n < 0) ec = {s2n_errno, s2n_category()};
  return n;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
