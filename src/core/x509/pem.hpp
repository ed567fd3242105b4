// SPDX-License-Identifier: Apache-2.0
// The objects of a PEM text (RFC 7468), found by AWS-LC and counted so that errors can name them.
#pragma once

#include "sluice/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

struct pem_object {
  std::string label;    // "CERTIFICATE", "EC PRIVATE KEY"
  std::string headers;  // RFC 1421 headers of an encrypted traditional key; mostly empty
  // Of a key: in the clear once it is unlocked. It is wiped when the object is destroyed or assigned to; a move leaves
  // none.
  std::vector<std::byte> der;
  ~pem_object() { wipe(); }  // it may be a key
  pem_object() = default;
  pem_object(pem_object&&) noexcept = default;
  pem_object& operator=(pem_object&& other) noexcept;
  void wipe() noexcept;

  bool is_certificate() const noexcept;
  bool is_private_key() const noexcept;
  bool is_encrypted() const noexcept;
};

// Text around the objects is skipped. One broken object fails the whole: errc::bad_pem, "site.pem: certificate 2 of 3"
// or "site.key: object 1 of 2". A text above 2 GiB is result_out_of_range, and not looked at.
result<std::vector<pem_object>> parse_pem(std::string_view text, std::string_view where);

std::string write_pem(std::string_view label, const void* der, std::size_t size);

}  // namespace internal
}  // namespace v0
}  // namespace sluice
