// SPDX-License-Identifier: Apache-2.0
#include "core/base/wipe.hpp"
#include "sluice/identity.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/files.hpp"
#include "core/engine_calls.hpp"
#include "core/identity_state.hpp"
#include "core/x509/certificate_parts.hpp"
#include "core/x509/key_input.hpp"
#include "core/x509/key_match.hpp"
#include "sluice/library.hpp"

namespace sluice {
inline namespace v0 {
namespace {

using internal::accepted_forms;
using internal::input;
using state_pointer = std::shared_ptr<identity::state>;

std::string pem_of(const std::vector<certificate>& chain) {
  std::string text;
  for (const auto& one : chain) text += one.to_pem();
  return text;
}

failure from_engine(const error_code& ec, std::string_view where) {
  auto error = make_failure(ec, where);
  error.engine = internal::s2n_name(ec);
  return error;
}

// The chain object s2n works with, once everything that goes into it is in `made`.
result<state_pointer> load(state_pointer made, const std::string& where) {
  if (auto started = tls_library::start(); !started) return started.error();
  made->handle.reset(s2n_cert_chain_and_key_new());
  if (!made->handle) return internal::s2n_failure(where);
  auto* chain = made->handle.get();
  const auto ec = made->key ? internal::load_public_chain(chain, made->chain_pem)
                            : internal::load_chain_and_key(chain, made->chain_pem, made->key_pem.view());
  if (internal::s2n_name(ec) == "S2N_ERR_PKEY_CTX_INIT") {  // s2n signs once with each key, with SHA-256
    return make_failure(errc::unsupported_key, where, "the parameters of its RSASSA-PSS key exclude SHA-256",
                        "use a key without restrictions, or one for SHA-256");
  }
  if (ec) return from_engine(ec, where);
  s2n_cert_chain_and_key_set_ctx(chain, made.get());
  return made;
}

result<state_pointer> with_key_in_memory(const input& chain, const input& key, accepted_forms forms,
                                         const password_source& password) {
  auto read = internal::read_chain_and_key(chain, key, forms, password);
  if (!read) return read.error();
  if (auto fits = internal::check_key_in_memory(read->key, read->chain, key.where); !fits) return fits.error();

  auto made = std::make_shared<identity::state>();
  made->chain = std::move(read->chain);
  made->chain_pem = pem_of(made->chain);
  auto text = internal::write_pem(read->key.label, read->key.der.data(), read->key.der.size());
  made->key_pem = secret(text);
  internal::wipe(text);
  return load(std::move(made), chain.where);
}

result<state_pointer> from_two_files(const std::string& chain_path, const std::string& key_path, accepted_forms forms,
                                     const password_source& password) {
  const auto chain = internal::read_secret_file(chain_path);  // it may hold the key as well
  if (!chain) return chain.error();
  const auto key = internal::read_secret_file(key_path);
  if (!key) return key.error();
  return with_key_in_memory({chain->view(), chain_path}, {key->view(), key_path}, forms, password);
}

result<state_pointer> from_two_texts(std::string_view chain, std::string_view key, accepted_forms forms,
                                     const password_source& password) {
  const bool is_one = chain.data() == key.data() && chain.size() == key.size();
  const auto* one = "chain and key in memory";
  return with_key_in_memory({chain, is_one ? one : "certificate chain in memory"},
                            {key, is_one ? one : "private key in memory"}, forms, password);
}

result<state_pointer> with_key_elsewhere(result<std::vector<certificate>> certificates,
                                         std::shared_ptr<private_key> key, std::chrono::milliseconds timeout,
                                         const std::string& where) {
  if (!key) return make_failure(errc::no_private_key, where, "the key is null");
  if (!certificates) return certificates.error();
  if (auto fits = internal::check_key_elsewhere(*key, *certificates, timeout); !fits) return fits.error();
  auto made = std::make_shared<identity::state>();
  made->chain = std::move(*certificates);
  made->chain_pem = pem_of(made->chain);
  made->key = std::move(key);
  return load(std::move(made), where);
}

}  // namespace

result<identity> identity::from_files(const std::string& chain_path, const std::string& key_path,
                                      const password_source& password) {
  auto made = from_two_files(chain_path, key_path, accepted_forms::all, password);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_memory(std::string_view chain, std::string_view key, const password_source& password) {
  auto made = from_two_texts(chain, key, accepted_forms::all, password);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_pem_files(const std::string& chain_path, const std::string& key_path,
                                          const password_source& password) {
  auto made = from_two_files(chain_path, key_path, accepted_forms::pem, password);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_pem(std::string_view chain, std::string_view key, const password_source& password) {
  auto made = from_two_texts(chain, key, accepted_forms::pem, password);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_chain_file(const std::string& chain_path, std::shared_ptr<private_key> key,
                                           std::chrono::milliseconds timeout) {
  auto made = with_key_elsewhere(certificate::from_file(chain_path), std::move(key), timeout, chain_path);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_chain(std::string_view chain, std::shared_ptr<private_key> key,
                                      std::chrono::milliseconds timeout) {
  const auto* where = "certificate chain in memory";
  auto made = with_key_elsewhere(certificate::from_pem(chain, where), std::move(key), timeout, where);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::with_ocsp_response(std::span<const std::byte> response) const {
  if (!state_) return make_failure(errc::invalid_argument, "identity", "it is empty: it was moved from");
  auto copy = std::make_shared<state>();
  copy->chain = state_->chain;
  copy->key = state_->key;
  copy->chain_pem = state_->chain_pem;
  copy->key_pem = state_->key_pem.clone();
  auto made = load(std::move(copy), "certificate chain");
  if (!made) return made.error();
  if (!response.empty()) {
    if (const auto ec = internal::set_ocsp_response((*made)->handle.get(), response)) {
      return from_engine(ec, "OCSP response");
    }
  }
  return identity(std::move(*made));
}

// Of an empty one, nothing.
const std::vector<certificate>& identity::chain() const noexcept {
  static const std::vector<certificate> none;
  return state_ ? state_->chain : none;
}
const certificate& identity::leaf() const noexcept {
  static const certificate none(nullptr);
  return state_ ? state_->chain.front() : none;
}
const std::shared_ptr<private_key>& identity::key() const noexcept {
  static const std::shared_ptr<private_key> none;
  return state_ ? state_->key : none;
}

}  // namespace v0
}  // namespace sluice
