// SPDX-License-Identifier: Apache-2.0
// TLS without sockets, threads or event loops: each call takes a transport and returns the step that comes next.
#pragma once

#include "sluice/context.hpp"
#include "sluice/handshake.hpp"
#include "sluice/statistics.hpp"
#include "sluice/transport.hpp"

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {

// The event that a caller waits for before it makes the same call again.
enum class want : std::uint8_t {
  nothing,      // none: the call is done, well or with `error`
  read,         // the transport has bytes to read
  write,        // the transport takes bytes of unsent()
  application,  // the work of start_application_work(), a signature, is done
  delay,        // the time `delay` has passed
  again,        // none: there is more input than one call may process; other work may run before the next call
};

// The result of one call: what to wait for, and what was done until then.
struct step {
  want next = want::nothing;         // wait for it, then make the same call again (after write(): flush())
  bool ended = false;                // read(): the peer's close_notify was received, and no data follow
  std::size_t bytes = 0;             // read(): bytes in the buffer; write(): plaintext bytes that were encrypted
  error_code error;                  // if it is set, last_failure() explains it
  std::chrono::nanoseconds delay{};  // with want::delay: the time from now
};

// The outcome of a client's early data (0-RTT, RFC 8446 §2.3).
enum class early_data : std::uint8_t {
  none,      // none was sent: none was given, or no session allowed it
  rejected,  // the server discarded it; or the handshake failed, and the client cannot know whether it did
  accepted,
};

// The negotiated parameters. They are complete when the handshake is.
struct connection_info {
  std::string version;              // "TLSv1.3"
  std::string cipher;               // "TLS_AES_128_GCM_SHA256"
  std::string group;                // "X25519MLKEM768"; empty without (EC)DHE
  std::string signature;            // the server's, "ecdsa_sha256"; empty when resumed
  std::string alpn;                 // empty when no application protocol was negotiated
  std::string server_name;          // the SNI that was sent or received
  std::string policy;               // the s2n policy in force
  bool resumed = false;             // the handshake continued an earlier session: no certificate was sent
  bool post_quantum = false;        // the group is a hybrid with ML-KEM
  bool client_certificate = false;  // a client sent one, or a server received and accepted one
  bool ocsp_stapled = false;        // a stapled OCSP response was received and is valid
  sluice::early_data early_data = sluice::early_data::none;  // on a server, of what the client sent
  // The number of accepted bytes. A client writes what follows them as usual. On a server, they are the first bytes
  // that read() returns; they were received before the client had proved that it is there.
  std::size_t early_bytes = 0;
};

// What differs between connections of one context. The views are copied by the constructor or by reset().
struct connection_options {
  std::string_view server_name;  // client: the name or IP address that the certificate must be for
  alpn_view alpn;                // replaces the context's list unless it is empty
  // Client: data to send with the ClientHello, if a session from the context's store allows it, and as much as it
  // allows. They are copied, and never sent twice: info() reports afterwards how much the server has. Early data have
  // no forward secrecy, and a server may receive them again if somebody has recorded them (RFC 8446 §8). Send only what
  // may be done twice, such as a GET (RFC 8470).
  std::span<const std::byte> early_data = {};
  // Client: the server's port, if it is known. Sessions are stored by name and port, because two ports are two servers
  // that accept their own tickets only. 0 means by the name alone.
  std::uint16_t port = 0;
};

// One TLS connection. It is not thread-safe: one thread at a time may use it (a strand). It can be moved. The transport
// is passed to each call and not kept.
//
// Failures are latched: after one, every call returns it again. Two errors are not failures: a transport that broke for
// writing (writes return its error from then on, reads deliver what is still there), and a call that was rejected
// without effect (errc::not_ready before the handshake is done, broken_pipe for a write after close_notify,
// result_out_of_range for sizes above SSIZE_MAX).
//
// No call processes more than 256 KiB or 64 records of input. If a peer never stops sending, the call returns
// want::again, so that other work of the event loop can run.
//
//   connection tls(ctx, role::client, "example.org");
//   socket_transport io(fd);
//   for (auto st = tls.handshake(io); st.next != want::nothing; st = tls.handshake(io)) my_loop.wait(fd, st.next);
class connection {
 public:
  // The constructors never fail: the first call reports what is wrong with the arguments (errc::bad_name, or
  // invalid_argument when the context is for the other role). A client's `server_name` is a host name (A-labels), which
  // is sent as SNI and matched against dNSName entries, or an IP literal, which is never sent and is matched against
  // iPAddress entries.
  connection(const context& ctx, role side, std::string_view server_name = {});
  // The same with all options.
  connection(const context& ctx, role side, const connection_options& options);
  // Makes a connection that has already failed, for code that must return one in any case: every call returns `why`. It
  // uses neither the engine nor the session store.
  static connection failed(const context& ctx, failure error);
  // A connection that was moved from is empty: its calls fail with errc::invalid_argument, its accessors return empty
  // values.
  connection(connection&&) noexcept;
  // The connection that is assigned to is destroyed first, with its events for the observer.
  connection& operator=(connection&&) noexcept;
  ~connection();

  // Performs the handshake as far as input, output and private keys allow. It is done at {nothing}, without an error or
  // with the failure; want::application means start_application_work(). Called again after success it is flush(), after
  // a failure it returns the failure.
  step handshake(transport& io);

  // Fills at most one buffer. The step is {nothing, bytes > 0}, {nothing, ended}, an error, {read} or {again}:
  // plaintext that has arrived is always delivered before an end or an error. Control records are processed and not
  // reported; more than 32 in a row that carry nothing (256 tickets) are a failure. In TLS 1.2, a close_notify that
  // arrived together with data is reported by a later call, so that the data can be answered; once it is reported,
  // writes fail.
  step read(transport& io, std::span<std::byte> into);

  // Encrypts at most 128 KiB, in as few records as possible, and offers all of them to the transport at once. `bytes`
  // is the number of plaintext bytes that were accepted, also when `next` is want::write: they will be sent and must
  // not be passed again; call flush() until it is done. Nothing is encrypted while earlier ciphertext is still unsent.
  step write(transport& io, std::span<const ::iovec> from);
  // Offers the ciphertext of earlier calls to the transport, and encrypts nothing. It is done at {nothing}.
  step flush(transport& io);

  // Requests a key update for the data that this end sends: KeyUpdate precedes the data of the next write() (RFC 8446
  // §4.6.3). The call itself sends nothing, and does not ask the peer to update its keys; two calls before a write have
  // the effect of one. It is rejected without effect before the handshake is done (errc::not_ready), below TLS 1.3,
  // which has no key update (errc::version_unsupported), and after close_notify (broken_pipe). s2n updates keys by
  // itself before the limit of a cipher is reached.
  error_code request_key_update();

  // Sends close_notify and waits for the peer's. Data that the peer still sends are discarded (RFC 8446 §6.1); tickets
  // and key updates are processed. If the peer's close_notify was received before, it is no error that ours cannot be
  // sent any more.
  step shutdown(transport& io);
  // Sends close_notify and leaves reading open. TLS 1.2 has no half-close: there, data that the peer still sends are
  // discarded until its own close_notify, which read() reports; and writing ends when the peer's close_notify arrives.
  step shutdown_write(transport& io);

  // After a failure: returns {delay} until the blinding delay has passed, then sends a fatal alert that names the
  // cause, if one can be sent with the right keys, and is done. It never sends close_notify and never fails. Close the
  // transport afterwards.
  step close_failed(transport& io);

  // After want::application: starts the work. `ready` is called once, on any thread, possibly before this call returns;
  // then call handshake() again, on the connection's own thread. At `deadline`, call expire_application_work() instead.
  // If the work has been started already, the call only replaces `ready`.
  void start_application_work(std::chrono::steady_clock::time_point deadline, std::function<void()> ready);
  // Fails the connection with errc::key_timed_out. The work goes on by itself, and its result is ignored.
  void expire_application_work();
  // The time that handshake() has waited for private keys so far.
  std::chrono::nanoseconds signing_time() const noexcept;

  // Fails the connection from outside: at a deadline, by a cancellation, because the peer closed the transport.
  void fail(failure error);

  bool is_established() const noexcept;  // the handshake is done and nothing has failed
  bool has_failed() const noexcept;      // a failure is latched; also true of an empty connection
  // The failure that ended the connection; without one, the error of the last call that was rejected, or of a transport
  // that broke for writing.
  const failure& last_failure() const noexcept;
  // The reference is valid until the connection is destroyed; reset() clears what it refers to.
  const connection_info& info() const noexcept;
  // The counts so far. `timings` has the handshake and the signing; the code that resolved and connected adds the rest.
  connection_statistics statistics() const noexcept;

  // The peer's verified chain, leaf first, anchor last. It is empty when the peer sent none, when the session was
  // resumed, and when verification is off.
  std::vector<certificate> verified_chain() const;
  // The identity of the context that was presented to the peer, selected by its name and the signature schemes that the
  // peer supports. Empty when the session was resumed and, on a client, when the server requested no certificate.
  std::optional<identity> selected_identity() const;
  // After a failed handshake: the certificates as the peer sent them, leaf first, unverified. For display only.
  std::vector<certificate> unverified_certificates() const;

  // The messages of the handshake, once it has ended, if the context's options have record_transcript; else empty.
  const handshake_transcript& transcript() const noexcept;

  // The ciphertext that the transport has not taken yet. A driver that writes it by itself reports the number of bytes
  // that were written to sent(). The span is valid until sent(), flush(), write() or shutdown() is called.
  std::span<const std::byte> unsent() const noexcept;
  // Removes bytes from the front of unsent(): a driver has written them to the transport itself.
  void sent(std::size_t bytes);
  // True when plaintext or whole records can be read without the transport.
  bool has_buffered_input() const noexcept;
  // Bytes that were read from the transport and do not belong to TLS: those that follow the peer's close_notify, once
  // read() has reported it. After shutdown() is called, no bytes behind it are read. Bytes that follow a padded
  // close_notify are lost.
  std::span<const std::byte> read_ahead() const noexcept;

  // Frees the record buffers (about 34 KiB) until they are needed again, and what only the handshake needed (about
  // 7 KiB); for idle connections. A connection that is destroyed without it leaves both to the next one of its context.
  void release_buffers() noexcept;

  // Starts over for a new peer, with the same context, role and allocations. All other state is that of a new
  // connection.
  void reset(const connection_options& options = {});

  struct impl;  // internal

 private:
  explicit connection(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace v0
}  // namespace sluice
