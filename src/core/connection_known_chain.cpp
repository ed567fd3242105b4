// SPDX-License-Identifier: Apache-2.0
// Our own part of a verdict on a chain, remembered: the same peers come again and again.
#include "core/connection_impl.hpp"
#include "core/known_chain.hpp"

#include <openssl/bytestring.h>

#include <algorithm>
#include <new>

namespace sluice {
inline namespace v0 {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

// Which anchors are valid decides which of them a chain ends at: the verdict holds until the next of them begins or
// ceases to be, and not before the last has.
void narrow_to_anchors(internal::chain_memory::verdict& found, const trust& store, sys_seconds now) {
  const auto narrow = [&found, now](sys_seconds change) {
    if (change > now) found.until = std::min(found.until, change - seconds(1));
    if (change <= now) found.from = std::max(found.from, change);
  };
  for (const auto& anchor : store.anchors()) {
    narrow(anchor.valid_from());
    narrow(anchor.valid_until() + seconds(1));
  }
}

}  // namespace

namespace internal {

// s2n's names for suites with RSA key exchange are the only ones that begin with a cipher.
bool leaf_signs(s2n_connection* conn, role judge) noexcept {
  const std::string_view suite = s2n_connection_get_cipher(conn);
  return judge == role::server || suite.starts_with("TLS_") || suite.starts_with("ECDHE-") || suite.starts_with("DHE-");
}

// s2n keeps it in the form of TLS 1.2, whatever the version: certificate_list of RFC 5246 §7.4.2.
std::vector<der_view> sent_by_client(s2n_connection* conn, role judge) {
  std::vector<der_view> sent;
  uint8_t* bytes = nullptr;
  uint32_t size = 0;
  if (judge != role::server || s2n_connection_get_client_cert_chain(conn, &bytes, &size) != S2N_SUCCESS) return sent;
  CBS list, one;
  CBS_init(&list, bytes, size);
  while (CBS_len(&list) > 0) {
    if (CBS_get_u24_length_prefixed(&list, &one) != 1) return {};
    sent.emplace_back(reinterpret_cast<const std::byte*>(CBS_data(&one)), CBS_len(&one));
  }
  return sent;
}

}  // namespace internal

internal::chain_memory::subject connection::impl::subject_of(std::span<const internal::der_view> chain) const noexcept {
  return {.server = target.server_name,
          .is_ip = target.is_ip,
          .signs = internal::leaf_signs(conn.get(), side),
          .chain = chain};
}

// Everything that the verdict has effects on is as if it had just been found.
bool connection::impl::knows_chain(std::span<const internal::der_view> as_sent) {
  const auto now = std::chrono::floor<seconds>(shared().now());
  const auto found = owns_engine ? std::nullopt : shared().chains.find(subject_of(as_sent), now);
  if (!found) return false;
  handshake.promises_staple = found->promises_staple;
  note_end(found->first_expiry);
  return true;
}

// A client's chain is known by what it sent, which decides with the anchors what is verified, if all of that was used:
// a certificate that was passed over could be taken another time. A connection that chooses its anchors keeps none.
void connection::impl::note_chain(std::span<const internal::der_view> as_sent,
                                  std::span<const internal::der_view> chain, internal::chain_memory::verdict found) {
  handshake.promises_staple = found.promises_staple;
  note_end(found.first_expiry);
  const auto is_equal = [](internal::der_view a, internal::der_view b) { return std::ranges::equal(a, b); };
  const bool is_all_used =
      as_sent.size() <= chain.size() && std::ranges::equal(as_sent, chain.first(as_sent.size()), is_equal);
  if (owns_engine || !is_all_used || (side == role::server && as_sent.empty())) return;
  narrow_to_anchors(found, *shared().trust, std::chrono::floor<seconds>(shared().now()));
  handshake.new_chain = internal::chain_memory::make(subject_of(side == role::server ? as_sent : chain), found);
}

// After the handshake's last check. Without memory it is verified in full again.
void connection::impl::remember_chain() noexcept try {
  if (handshake.new_chain) shared().chains.add(*std::exchange(handshake.new_chain, std::nullopt));
} catch (const std::bad_alloc&) {
  handshake.new_chain.reset();
}

}  // namespace v0
}  // namespace sluice
