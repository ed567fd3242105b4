// SPDX-License-Identifier: Apache-2.0
#include "sluice/connection.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/failure.hpp"
#include "core/callbacks.hpp"
#include "core/connection_io.hpp"
#include "core/engine_calls.hpp"
#include "core/engine_internals.hpp"
#include "core/x509/host_name.hpp"
#include "sluice/gathered_buffers.hpp"
#include "sluice/printable.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace {

// The buffers that one write encrypts: the caller's own list where it has no others, else the first of it, in `own`.
std::span<const ::iovec> first_part(std::span<const ::iovec> from, detail::gathered_buffers& own) {
  std::size_t room = detail::gathered_buffers::max_bytes;
  const bool is_whole =
      from.size() <= detail::gathered_buffers::max_buffers && std::ranges::all_of(from, [&room](const ::iovec& part) {
        const bool fits = part.iov_len > 0 && part.iov_len <= room;
        room -= std::min(part.iov_len, room);
        return fits;
      });
  if (is_whole) return from;
  for (const auto& part : from) {
    if (own.is_full()) break;
    own.add(part.iov_base, part.iov_len);
  }
  return own.parts();
}

failure not_ready() {
  return make_failure(errc::not_ready, "", "the handshake is not done", "call handshake() until it is");
}

failure broken_pipe() {
  return make_failure(boost::system::errc::make_error_code(boost::system::errc::broken_pipe), "",
                      "close_notify went by");
}

failure out_of_range(error_code ec) { return make_failure(ec, "", "a buffer is larger than SSIZE_MAX"); }

// By category first: comparing a code of s2n's would look its cause up, and "would block" is such a code.
bool is_range_error(const error_code& ec) {
  return ec.category() == boost::system::generic_category() && ec == boost::system::errc::result_out_of_range;
}

}  // namespace

connection::impl::impl(const context& c, role side_asked) : connection_parts(side_asked), ctx(c), side(side_asked) {}

// Without effect. last_failure() returns it until the next failure.
error_code connection::impl::refuse(failure error) {
  errors.of_call = std::move(error);
  if (errors.of_call.where.empty()) errors.of_call.where = target.place;
  return errors.of_call.code;
}
connection::impl::~impl() {
  report_closed();
  handshake.signature.reset();  // the operation is freed before the connection of s2n that it belongs to
  if (is_reusable()) engine->pool.give(std::move(conn));
}

internal::connection_handle connection::impl::new_connection() const noexcept {
  return internal::connection_handle(s2n_connection_new(side == role::server ? S2N_SERVER : S2N_CLIENT));
}

// One whose handshake was completed, which did not fail, and which has the configuration that it began with.
bool connection::impl::is_reusable() const noexcept {
  return conn && engine && !owns_engine && handshake.is_established && !errors.latched.code &&
         internal::configuration_of(conn.get()) == engine->config.get();
}

// Everything that a fresh connection, or one that was wiped (P11), of the pool or after a reset, has to be given.
void connection::impl::configure(const connection_options& options) {
  target.place = target.server_name.empty() ? (side == role::server ? "client" : "server") : target.server_name;
  // The one before, after a reset, is let go of when this one is in its place (P26).
  auto next = configuration();
  if (!conn && next) conn = next->pool.take();
  if (!conn) conn = new_connection();
  auto* c = conn.get();
  if (!next || c == nullptr || s2n_connection_set_config(c, next->config.get()) != S2N_SUCCESS) {
    latch(internal::s2n_failure(c == nullptr ? "connection" : target.place));
    return;
  }
  engine = std::move(next);
  const bool done =
      s2n_connection_set_blinding(c, S2N_SELF_SERVICE_BLINDING) == S2N_SUCCESS &&
      s2n_connection_set_ctx(c, this) == S2N_SUCCESS &&
      s2n_connection_set_recv_cb(c, internal::on_receive) == S2N_SUCCESS &&
      s2n_connection_set_recv_ctx(c, this) == S2N_SUCCESS &&
      s2n_connection_set_send_cb(c, internal::on_send) == S2N_SUCCESS &&
      s2n_connection_set_send_ctx(c, this) == S2N_SUCCESS &&
      s2n_connection_set_recv_buffering(c, true) == S2N_SUCCESS && s2n_connection_prefer_throughput(c) == S2N_SUCCESS &&
      // Names are checked by type, in accepts_chain(): s2n does not distinguish a dNSName from an iPAddress (P29).
      s2n_connection_set_verify_host_callback(c, internal::on_verify_host, this) == S2N_SUCCESS &&
      (target.server_name.empty() || target.is_ip || s2n_set_server_name(c, target.server_name.c_str()) == S2N_SUCCESS);
  if (!done) {
    latch(internal::s2n_failure(target.place));
    return;
  }
  if (shared().keeps_handshake) {
    handshake.recorder = std::make_unique<internal::handshake_recorder>(side == role::server);
  }
  name_session(options);
  expect_early_data(options.early_data);
  target.alpn = options.alpn.empty() ? ctx.alpn() : alpn_list(options.alpn.begin(), options.alpn.end());
  if (options.alpn.empty()) return;
  if (auto valid = internal::check_alpn(options.alpn); !valid) {
    latch(valid.error());
    return;
  }
  for (const auto& name : options.alpn) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(name.data());
    if (s2n_connection_append_protocol_preference(c, bytes, static_cast<uint8_t>(name.size())) != S2N_SUCCESS) {
      latch(internal::s2n_failure("ALPN \"" + name + "\""));
      return;
    }
  }
}

step connection::impl::latch(failure error) {
  if (errors.latched.code) return failed_step();
  errors.latched = std::move(error);
  if (!errors.latched.code) errors.latched.code = make_error_code(errc::internal);
  if (errors.latched.where.empty()) errors.latched.where = target.place;
  explain(errors.latched);
  errors.latched = internal::with_usual_remedy(std::move(errors.latched));
  for (auto* text : {&errors.latched.detail, &errors.latched.remedy}) *text = printable(*text);
  if (tap) tap->tell_rest();
  // s2n is not called any more: a signature that comes now has nobody to apply it.
  handshake.signature.reset();
  const auto& watch = ctx.observer();
  // Before is_established is cleared: it says which of the two the observer gets.
  if (!handshake.is_established && has_begun()) {
    return_session();
    end_handshake(&errors.latched);
  }
  if (watch && handshake.is_established) watch->on_failure(errors.latched);
  handshake.is_established = false;
  return failed_step();
}

connection::connection(const context& ctx, role side, std::string_view server_name)
    : connection(ctx, side, connection_options{.server_name = server_name, .alpn = {}}) {}

connection::connection(const context& ctx, role side, const connection_options& options)
    : impl_(std::make_unique<impl>(ctx, side)) {
  auto& c = *impl_;
  if (!internal::access::state(ctx)) {
    c.ctx = context(std::make_shared<context::state>());
    c.latch(internal::empty_object("context"));
    return;
  }
  c.begin(options);
  // One that has failed at once can be reset, too.
  if (!c.conn) c.conn = c.new_connection();
}

connection::connection(std::unique_ptr<impl> made) noexcept : impl_(std::move(made)) {}

connection connection::failed(const context& ctx, failure error) {
  auto own = internal::access::state(ctx) ? ctx : context(std::make_shared<context::state>());
  auto made = std::make_unique<impl>(std::move(own), ctx.side());
  made->latch(std::move(error));
  return connection(std::move(made));
}

connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

void connection::reset(const connection_options& options) {
  if (!impl_ || !impl_->conn) return;
  auto& c = *impl_;
  c.report_closed();
  // All parts at once: what is added to them is reset too. The pending signature goes before s2n's connection is wiped.
  static_cast<internal::connection_parts&>(c) = internal::connection_parts(c.side);
  if (s2n_connection_wipe(c.conn.get()) != S2N_SUCCESS) {
    c.latch(internal::s2n_failure("connection"));
    return;
  }
  c.begin(options);
}

void connection::impl::begin(const connection_options& options) {
  const auto& watch = ctx.observer();
  tap = watch && watch->wants_messages() ? std::make_unique<internal::message_tap>(*watch, side == role::server)
                                         : nullptr;
  if (side != ctx.side()) {
    latch(make_failure(errc::invalid_argument, "connection", "the context is for the other role"));
    return;
  }
  auto name = internal::check_host_name(options.server_name);
  if (!name) {
    latch(name.error());
    return;
  }
  if (side == role::client && ctx.verifies() && name->text.empty()) {
    latch(make_failure(errc::bad_name, "server name", "none was given",
                       "say which name or address the server's certificate must be for"));
    return;
  }
  target.server_name = side == role::client ? name->text : std::string();
  target.is_ip = name->is_ip;
  configure(options);
}

// The first call begins the handshake, also one that has failed already: every observed beginning has an end.
step connection::handshake(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  if (!c.has_begun()) {
    c.totals.began = std::chrono::steady_clock::now();
    if (c.tap) c.tap->begin();
    if (c.errors.latched.code) c.end_handshake(&c.errors.latched);
    if (!c.errors.latched.code) c.resume_session();
  }
  if (c.errors.latched.code) return c.failed_step();
  if (c.handshake.is_established) return flush(io);
  if (!c.flush_output(io) && !c.output.error) return {.next = want::write};
  return c.negotiate(io);
}

// In this order: plaintext that is kept, early data first; then the failure, or the end; then what the transport has.
step connection::read(transport& io, std::span<std::byte> into) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  if (!c.input.unread.empty() && !c.has_early_input() && !into.empty()) return {.bytes = c.give_unread(into)};
  if (c.errors.latched.code) return c.failed_step();
  if (!c.handshake.is_established) return c.refused_step(not_ready());
  if (c.has_early_input() && !into.empty()) return {.bytes = c.give_early_data(into)};
  if (c.input.is_closed) return {.ended = true};
  if (into.empty()) return {};

  if (c.output.is_closed && !c.has_half_close()) return c.await_close_notify(io, phase::read);

  if (!c.has_input(io)) return {.next = want::read};

  // One record for each call of s2n_recv: if it fetches several, it loses those before one that is bad.
  std::size_t done = 0;
  impl::call call(c, io);
  while (done < into.size() && !c.input.is_closed) {
    s2n_blocked_status blocked = S2N_NOT_BLOCKED;
    error_code ec;
    const auto n = internal::receive(c.conn.get(), into.subspan(done), blocked, ec);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      c.input.gate.data_came();
    }
    if (n == 0) c.note_peer_closed();
    if (n > 0 && c.input.is_drained && !c.has_kept_input()) break;
    if (n >= 0) continue;
    if (is_range_error(ec)) return c.refused_step(out_of_range(ec));
    if (s2n_error_get_type(ec.value()) != S2N_ERR_T_BLOCKED) c.latch(c.engine_failure(phase::read));
    break;
  }
  c.totals.bytes_read += done;
  if (done > 0) return {.bytes = done};
  if (c.errors.latched.code) return c.failed_step();
  if (c.input.is_closed) return {.ended = true};
  return {.next = c.want_input()};
}

// Nothing is encrypted while output.queue has something: what is encrypted once is never encrypted again.
step connection::write(transport& io, std::span<const ::iovec> from) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  if (c.errors.latched.code) return c.failed_step();
  if (!c.handshake.is_established) return c.refused_step(not_ready());
  if (c.output.is_closed || (c.input.is_closed && !c.has_half_close())) return c.refused_step(broken_pipe());
  if (!c.flush_output(io)) return {.next = want::write};
  if (c.output.error) return c.write_failed(io);
  detail::gathered_buffers own;
  const auto some = first_part(from, own);
  if (some.empty()) return {};

  s2n_blocked_status blocked = S2N_NOT_BLOCKED;
  error_code ec;
  impl::call call(c, io);
  const auto n = internal::send(c.conn.get(), some, blocked, ec);
  auto error = n < 0 && !is_range_error(ec) ? c.engine_failure(phase::write) : failure();
  call.finish();
  if (n < 0) return is_range_error(ec) ? c.refused_step(out_of_range(ec)) : c.latch(std::move(error));
  if (c.output.error) return c.write_failed(io);
  auto st = c.after_output();
  st.bytes = static_cast<std::size_t>(n);
  c.totals.bytes_written += st.bytes;
  return st;
}

step connection::flush(transport& io) {
  if (!impl_) return internal::empty_step();
  auto& c = *impl_;
  if (c.errors.latched.code) return c.failed_step();
  if (!c.flush_output(io)) return {.next = want::write};
  return c.output.error ? c.write_failed(io) : step{};
}

error_code connection::request_key_update() {
  if (!impl_) return internal::empty_step().error;
  auto& c = *impl_;
  if (c.errors.latched.code) return c.errors.latched.code;
  if (!c.handshake.is_established) return c.refuse(not_ready());
  if (!c.has_half_close()) {
    return c.refuse(make_failure(errc::version_unsupported, "", "TLS 1.2 has no KeyUpdate"));
  }
  if (c.output.is_closed) return c.refuse(broken_pipe());
  const bool is_noted = s2n_connection_request_key_update(c.conn.get(), S2N_KEY_UPDATE_NOT_REQUESTED) == S2N_SUCCESS;
  return is_noted ? error_code() : make_error_code(errc::internal);
}

// TLS 1.2 has none: a peer that receives close_notify answers with its own (RFC 5246 §7.2.1), and s2n reads no more.
bool connection::impl::has_half_close() const noexcept {
  return s2n_connection_get_actual_protocol_version(conn.get()) >= S2N_TLS13;
}

}  // namespace v0
}  // namespace sluice
