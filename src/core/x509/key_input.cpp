// SPDX-License-Identifier: Apache-2.0
#include "core/x509/key_input.hpp"

#include "core/base/encoding.hpp"
#include "core/base/error_tables.hpp"
#include "core/base/narrow.hpp"
#include "core/x509/decrypt_key.hpp"
#include "core/x509/key_match.hpp"
#include "core/x509/pkcs12.hpp"

#include <algorithm>
#include <optional>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

// With its public half, which s2n wants and SEC 1 leaves open (RFC 5915 §3).
result<pem_object> unlocked(pem_object key, const std::string& where, const password_source& password) {
  auto opened = unlock(std::move(key), where, password);
  if (!opened || !lacks_public_half(*opened)) return opened;
  return completed(*opened, where);
}

// Forms of other programs, by how they begin.
std::optional<failure> foreign_form(const input& from) {
  const auto has = [&from](std::string_view words) { return from.bytes.find(words) != from.bytes.npos; };
  const auto named = [&from](const char* whose, const char* remedy) {
    return make_failure(errc::unsupported_key, from.where, std::string("it is in ") + whose + " form", remedy);
  };
  if (has("-----BEGIN OPENSSH PRIVATE KEY-----")) {
    return named("OpenSSH's own", "have a copy of it rewritten: `ssh-keygen -p -m PKCS8 -f FILE`");
  }
  if (has("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")) {
    return named("ssh.com's", "write it as PKCS#8: `ssh-keygen -i -f FILE`, then `ssh-keygen -p -m PKCS8`");
  }
  if (from.bytes.starts_with("PuTTY-User-Key-File-")) {
    return named("PuTTY's", "`puttygen FILE -O private-openssh -o COPY`, then `ssh-keygen -p -m PKCS8 -f COPY`");
  }
  return std::nullopt;
}

result<pem_object> key_in_pem(const input& from, const password_source& password) {
  // A text too large for AWS-LC is refused by parse_pem() before anybody looks into it.
  const bool is_readable = narrow<int>(from.bytes.size()).has_value();
  if (auto foreign = is_readable ? foreign_form(from) : std::nullopt) return std::move(*foreign);
  auto objects = parse_pem(from.bytes, from.where);
  if (!objects) return objects.error();
  const auto found = std::ranges::find_if(*objects, &pem_object::is_private_key);
  if (found == objects->end()) return make_failure(errc::no_private_key, from.where, "no PRIVATE KEY object in it");
  return unlocked(std::move(*found), from.where, password);
}

result<pem_object> key_in_der(const input& from, encoding form, const password_source& password) {
  if (form == encoding::certificate) {
    return make_failure(errc::no_private_key, from.where, "it is a certificate in DER", "name the key's own file");
  }
  pem_object object;
  object.label = private_key_label(form);
  const auto* bytes = reinterpret_cast<const std::byte*>(from.bytes.data());
  object.der.assign(bytes, bytes + from.bytes.size());
  const bool is_encrypted = object.is_encrypted();
  if (object.label.empty() || (!is_encrypted && !is_private_key(object))) {
    return make_failure(errc::bad_der, from.where, "it is not a private key, or it is damaged");
  }
  return unlocked(std::move(object), from.where, password);
}

result<pem_object> key_in_bag(pkcs12_bag& bag, const std::string& where) {
  if (bag.key) return std::move(*bag.key);
  return make_failure(errc::no_private_key, where, "the PKCS#12 file holds certificates only",
                      "name the key's own file");
}

result<pem_object> read_key(const input& from, accepted_forms forms, const password_source& password) {
  const auto form = forms == accepted_forms::pem ? encoding::pem : encoding_of(from.bytes);
  if (form == encoding::pem) return key_in_pem(from, password);
  if (form != encoding::pkcs12) return key_in_der(from, form, password);
  auto bag = open_pkcs12(from.bytes, from.where, password);
  if (!bag) return bag.error();
  return key_in_bag(*bag, from.where);
}

// Leaf first, each followed by its issuer; what does not follow from the leaf is left out. As it is when no certificate
// is of that key: that is for the comparison of the two to say.
std::vector<certificate> chain_of(const pem_object& key, std::vector<certificate> bag) {
  const auto leaf = std::ranges::find_if(bag, [&key](const certificate& one) { return is_of_key(one, key); });
  if (leaf == bag.end()) return bag;
  std::vector<certificate> chain;
  for (auto next = leaf; next != bag.end();
       next = std::ranges::find_if(bag, [&chain](const auto& one) { return is_issuer(one, chain.back()); })) {
    // Each certificate is taken out of the bag as it is used, so the loop ends however the issuers refer to each other.
    chain.push_back(*next);
    bag.erase(next);
  }
  return chain;
}

}  // namespace

result<chain_and_key> read_chain_and_key(const input& chain, const input& key, accepted_forms forms,
                                         const password_source& password) {
  if (forms == accepted_forms::pem || encoding_of(chain.bytes) != encoding::pkcs12) {
    auto certificates = forms == accepted_forms::pem ? certificate::from_pem(chain.bytes, chain.where)
                                                     : certificate::from_memory(chain.bytes, chain.where);
    if (!certificates) return certificates.error();
    auto object = read_key(key, forms, password);
    if (!object) return object.error();
    return chain_and_key{std::move(*certificates), std::move(*object)};
  }
  auto bag = open_pkcs12(chain.bytes, chain.where, password);
  if (!bag) return bag.error();
  if (bag->certificates.empty()) return make_failure(errc::no_certificate, chain.where, "no certificate in it");
  // The same bytes by the same name: the password is asked for once. Two files that happen to be equal are asked for
  // twice, which does no harm.
  const bool is_one_file = chain.where == key.where && chain.bytes == key.bytes;
  auto object = is_one_file ? key_in_bag(*bag, key.where) : read_key(key, forms, password);
  if (!object) return object.error();
  auto ordered = chain_of(*object, std::move(bag->certificates));
  return chain_and_key{std::move(ordered), std::move(*object)};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
