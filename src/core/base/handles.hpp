// SPDX-License-Identifier: Apache-2.0
// RAII for every C handle the core holds. Foreign structs are owned here and nowhere else.
#pragma once

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <s2n.h>

#include <memory>

namespace sluice {
inline namespace v0 {
namespace internal {

// The function is part of the type, so that a handle is as large as a pointer.
template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using config_handle = std::unique_ptr<s2n_config, freed_by<s2n_config_free>>;
using connection_handle = std::unique_ptr<s2n_connection, freed_by<s2n_connection_free>>;
using chain_handle = std::unique_ptr<s2n_cert_chain_and_key, freed_by<s2n_cert_chain_and_key_free>>;
using pkey_op_handle = std::unique_ptr<s2n_async_pkey_op, freed_by<s2n_async_pkey_op_free>>;
using x509_handle = bssl::UniquePtr<X509>;
using pkey_handle = bssl::UniquePtr<EVP_PKEY>;
using bio_handle = bssl::UniquePtr<BIO>;

}  // namespace internal
}  // namespace v0
}  // namespace sluice
