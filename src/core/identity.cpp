// SPDX-License-Identifier: Apache-2.0
#include "sluice/identity.hpp"

#include "core/certificate_parts.hpp"
#include "core/engine_calls.hpp"
#include "core/error_tables.hpp"
#include "core/files.hpp"
#include "core/identity_state.hpp"
#include "core/key_match.hpp"
#include "core/pem.hpp"
#include "sluice/library.hpp"

#include <algorithm>

namespace sluice::inline v0 {
namespace {

using internal::make_failure;
using state_pointer = std::shared_ptr<identity::state>;

struct places {
  std::string chain;
  std::string key;
};

std::string pem_of(const std::vector<certificate>& chain) {
  std::string text;
  for (const auto& one : chain) text += one.to_pem();
  return text;
}

failure from_engine(const error_code& ec, std::string where) {
  auto why = make_failure(errc::internal, std::move(where));
  why.code = ec;
  if (ec.category() == s2n_category()) why.engine = s2n_strerror_name(ec.value());
  return why;
}

// The chain object s2n works with, once everything that goes into it is in `made`.
result<state_pointer> load(state_pointer made, const std::string& where) {
  if (auto started = library::start(); !started) return started.error();
  made->handle.reset(s2n_cert_chain_and_key_new());
  if (!made->handle) return internal::s2n_failure(where);
  auto* chain = made->handle.get();
  const auto ec = made->key ? internal::load_public_chain(chain, made->chain_pem)
                            : internal::load_chain_and_key(chain, made->chain_pem, made->key_pem.view());
  if (ec) return from_engine(ec, where);
  s2n_cert_chain_and_key_set_ctx(chain, made.get());
  return made;
}

result<state_pointer> with_key_in_memory(std::string_view chain, std::string_view key, const places& where) {
  auto certificates = certificate::from_pem(chain, where.chain);
  if (!certificates) return certificates.error();
  auto objects = internal::parse_pem(key, where.key);
  if (!objects) return objects.error();
  const auto found = std::ranges::find_if(*objects, &internal::pem_object::is_private_key);
  if (found == objects->end()) return make_failure(errc::no_private_key, where.key, "no PRIVATE KEY object in it");
  if (found->is_encrypted()) {
    return make_failure(errc::password_needed, where.key, "the key is encrypted",
                        "decrypt it, for example with `openssl pkey`");
  }
  const auto& leaf = certificates->front();
  if (auto fits = internal::check_key_in_memory(*found, leaf, where.key); !fits) return fits.error();

  auto made = std::make_shared<identity::state>();
  made->chain = std::move(*certificates);
  made->chain_pem = pem_of(made->chain);
  auto text = internal::write_pem(found->label, found->der.data(), found->der.size());
  made->key_pem = secret(text);
  explicit_bzero(text.data(), text.size());
  return load(std::move(made), where.chain);
}

result<state_pointer> with_key_elsewhere(std::string_view chain, std::shared_ptr<private_key> key,
                                         std::chrono::milliseconds patience, const std::string& where) {
  if (!key) return make_failure(errc::no_private_key, where, "the key is null");
  auto certificates = certificate::from_pem(chain, where);
  if (!certificates) return certificates.error();
  if (auto fits = internal::check_key_elsewhere(*key, certificates->front(), patience); !fits) return fits.error();
  auto made = std::make_shared<identity::state>();
  made->chain = std::move(*certificates);
  made->chain_pem = pem_of(made->chain);
  made->key = std::move(key);
  return load(std::move(made), where);
}

}  // namespace

result<identity> identity::from_pem_files(const std::string& chain_path, const std::string& key_path) {
  auto chain = internal::read_file(chain_path);
  if (!chain) return chain.error();
  auto key = internal::read_file(key_path);
  if (!key) return key.error();
  auto made = with_key_in_memory(*chain, *key, {chain_path, key_path});
  explicit_bzero(key->data(), key->size());
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_pem(std::string_view chain, std::string_view key) {
  auto made = with_key_in_memory(chain, key, {"certificate chain in memory", "private key in memory"});
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_chain_file(const std::string& chain_path, std::shared_ptr<private_key> key,
                                           std::chrono::milliseconds patience) {
  auto chain = internal::read_file(chain_path);
  if (!chain) return chain.error();
  auto made = with_key_elsewhere(*chain, std::move(key), patience, chain_path);
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::from_chain(std::string_view chain, std::shared_ptr<private_key> key,
                                      std::chrono::milliseconds patience) {
  auto made = with_key_elsewhere(chain, std::move(key), patience, "certificate chain in memory");
  if (!made) return made.error();
  return identity(std::move(*made));
}

result<identity> identity::with_ocsp_response(std::span<const std::byte> response) const {
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

const std::vector<certificate>& identity::chain() const noexcept { return state_->chain; }
const std::shared_ptr<private_key>& identity::key() const noexcept { return state_->key; }

}  // namespace sluice::inline v0
