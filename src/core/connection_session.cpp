// SPDX-License-Identifier: Apache-2.0
// A client's sessions: taken when a handshake begins, handed to the store once it is done and every check has passed.
#include "core/callbacks.hpp"
#include "core/connection_impl.hpp"
#include "core/kept_session.hpp"
#include "sluice/printable.hpp"

#include <openssl/asn1.h>
#include <openssl/mem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace sluice {
inline namespace v0 {
namespace {

using std::chrono::seconds;

constexpr std::size_t max_waiting = 64;  // tickets that one call into the engine may leave behind
constexpr int max_asked = 8;             // sessions that a store may offer in vain

// s2n's session of a TLS 1.2 connection: the ticket that came last, or else the server's session id.
secret session_of(s2n_connection* conn) {
  const int size = s2n_connection_get_session_length(conn);
  if (size <= 0) return {};
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  const int got = s2n_connection_get_session(conn, reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  secret made;
  if (got > 0) made = secret(std::span(bytes).first(static_cast<std::size_t>(got)));
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return made;
}

}  // namespace

// Calls of the application's store. Whatever it throws is no reason to fail a connection.
template <class Call>
void connection::impl::ask_store(const char* what, Call call) noexcept {
  try {
    call(*shared().sessions);
  } catch (const std::exception& thrown) {
    store_failed(what, thrown.what());
  } catch (...) {
    store_failed(what, "an exception that is no std::exception");
  }
}

void connection::impl::store_failed(const char* what, const char* error) noexcept try {
  if (const auto& watch = ctx.observer()) {
    watch->on_warning(printable(std::string("the session store threw, ") + what + ": " + error));
  }
} catch (const std::bad_alloc&) {
  return;
}

void connection::impl::name_session(const connection_options& options) {
  if (!shared().sessions || side != role::client) return;
  auto made = std::make_unique<internal::session_use>();
  made->scope = internal::scope_of(shared().verdict, target.server_name);
  made->key = internal::store_key(made->scope, target.server_name, options.port,
                                  options.alpn.empty() ? alpn_view(shared().alpn) : options.alpn);
  sessions = std::move(made);
}

// A session that s2n cannot read is as good as none: the handshake is a full one.
void connection::impl::resume_session() noexcept {
  if (!sessions) return;
  ask_store("a full handshake is made", [this](session_store& store) {
    for (int i = 0; i < max_asked && !sessions->offered; ++i) {
      const auto bytes = store.take(sessions->key);
      if (!bytes) return;
      auto kept = internal::unpack(bytes->bytes());
      // Those of another verdict, which the store has mistaken for ours, and old ones are dropped.
      if (!kept || kept->scope != sessions->scope || !kept->is_good(shared().now())) continue;
      const auto* data = reinterpret_cast<const uint8_t*>(kept->engine.view().data());
      if (s2n_connection_set_session(conn.get(), data, kept->engine.size()) != S2N_SUCCESS) continue;
      sessions->offered = std::move(*kept);
    }
  });
}

// Nothing of the server has arrived: a session of TLS 1.2 is as good as before, and one that never left us anyway.
void connection::impl::return_session() noexcept {
  if (!sessions || !sessions->offered || totals.records_in.records() > 0) return;
  const auto kept = std::exchange(sessions->offered, std::nullopt);
  if (kept->is_reusable || totals.records_out.records() == 0) put_session(*kept);
}

void connection::impl::put_session(const internal::kept_session& kept) noexcept {
  ask_store("the session is lost", [&](session_store& store) {
    const auto now = std::chrono::floor<seconds>(shared().now());
    const auto bytes = internal::pack(kept);
    store.put(sessions->key, bytes.bytes(), std::max(kept.until - now, seconds(0)));
  });
}

// At the end of a handshake that has passed. Limits begin with a full handshake, and go on with a resumed one. A
// session of TLS 1.2 may be used again; if it was renewed, the new ticket takes its place (RFC 5077 §3.3), and without
// any ticket the server may know it by its id (RFC 5246 §7.3).
void connection::impl::keep_session() noexcept try {
  if (!sessions) return;
  const auto now = std::chrono::floor<seconds>(shared().now());
  const auto offered = std::exchange(sessions->offered, std::nullopt);
  const bool goes_on = info.resumed && offered;
  sessions->limits = goes_on ? offered->limits : internal::session_limits{now, sessions->verdict_ends};
  if (s2n_connection_get_actual_protocol_version(conn.get()) >= S2N_TLS13) return;
  internal::kept_session kept{.scope = sessions->scope, .is_reusable = true, .limits = sessions->limits};
  const auto hint = std::exchange(sessions->hint, std::nullopt);
  kept.until = goes_on && !hint ? offered->until
                                : internal::end_of(kept.limits, true, now, hint.value_or(internal::unknown_lifetime));
  kept.engine = session_of(conn.get());
  if (!kept.engine.empty()) put_session(kept);
} catch (const std::bad_alloc&) {
  return;  // the connection is as good without
}

// Of the chain that was verified: when the first certificate of it expires, the chain would not be trusted again.
void connection::impl::note_end(std::chrono::sys_seconds expiry) noexcept {
  if (sessions) sessions->verdict_ends = std::min(sessions->verdict_ends, expiry);
}

// What came in TLS 1.3 since the call into s2n began. Of a connection that failed, nothing is kept (RFC 8446 §6.2). The
// end of TCP is no such failure: many servers end it without close_notify, and it is chance whether that was found in
// the same call as their tickets.
void connection::impl::keep_tickets() noexcept {
  if (!sessions || sessions->waiting.empty()) return;
  const auto tickets = std::exchange(sessions->waiting, {});
  const bool has_ended = errors.latched.code == errc::truncated || (input.error && errors.latched.code == input.error);
  const bool is_cut = has_ended && errors.latched.at != phase::handshake;  // within it there is no verdict yet
  if (!handshake.is_established && !is_cut) return;
  for (const auto& ticket : tickets) put_session(ticket);
}

// Within a handshake nothing is kept yet, but what the server says of the ticket.
void connection::impl::saw_ticket(secret bytes, seconds hint) {
  if (!sessions) return;
  if (s2n_connection_get_actual_protocol_version(conn.get()) < S2N_TLS13) {
    // None is "unspecified" in TLS 1.2 (RFC 5077 §3.3), as Go leaves it, "not at all" in 1.3 (RFC 8446 §4.6.1).
    sessions->hint = hint == seconds(0) ? internal::unknown_lifetime : hint;
    return;
  }
  if (sessions->waiting.size() >= max_waiting) return;
  const auto now = std::chrono::floor<seconds>(shared().now());
  internal::kept_session kept{.scope = sessions->scope, .is_reusable = false, .limits = sessions->limits};
  kept.until = internal::end_of(kept.limits, false, now, hint);
  kept.engine = std::move(bytes);
  sessions->waiting.push_back(std::move(kept));
}

namespace internal {

extern "C" int on_session_ticket(s2n_connection* connection, void*, s2n_session_ticket* ticket) noexcept {
  try {
    auto* c = static_cast<sluice::connection::impl*>(s2n_connection_get_ctx(connection));
    std::size_t size = 0;
    uint32_t lifetime = 0;
    if (c == nullptr || s2n_session_ticket_get_data_len(ticket, &size) != S2N_SUCCESS ||
        s2n_session_ticket_get_lifetime(ticket, &lifetime) != S2N_SUCCESS) {
      return S2N_SUCCESS;
    }
    std::vector<std::byte> data(size);
    if (s2n_session_ticket_get_data(ticket, size, reinterpret_cast<uint8_t*>(data.data())) == S2N_SUCCESS) {
      c->saw_ticket(secret(data), std::chrono::seconds(lifetime));
    }
    OPENSSL_cleanse(data.data(), data.size());
    return S2N_SUCCESS;
  } catch (...) {
    return S2N_SUCCESS;  // a ticket that cannot be kept is no reason to end a connection
  }
}

}  // namespace internal

}  // namespace v0
}  // namespace sluice
