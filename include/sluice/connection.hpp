// SPDX-License-Identifier: Apache-2.0
// TLS without sockets, threads or loops: give it a transport, and it answers with what to do next.
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

namespace sluice::inline v0 {

// What a call needs before it is made again.
enum class want : std::uint8_t {
  nothing,   // it is done: look at `error`
  read,      // until the transport has bytes
  write,     // until the transport takes unsent() bytes
  application,  // until the work of start_application_work() is done: a signature
  delay,     // for `delay`
  again,     // nothing: it has taken as much input as one call may, and there is more; other work may come first
};

struct step {
  want next = want::nothing;
  bool ended = false;       // read(): the peer's close_notify was received, there is no more
  std::size_t bytes = 0;    // read(): put into the buffer; write(): plaintext sealed
  error_code error;         // set: last_failure() has the story
  std::chrono::nanoseconds delay{};
};

// What became of a client's early data (0-RTT, RFC 8446 §2.3).
enum class early_data : std::uint8_t {
  none,      // there was none: nobody wished it, or no session allowed it
  rejected,  // sent, and thrown away by the server unread; or the handshake failed, and the client cannot know
  accepted,
};

// What was negotiated. Complete once the handshake is.
struct connection_info {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // "TLS_AES_128_GCM_SHA256"
  std::string group;        // "X25519MLKEM768"; empty without (EC)DHE
  std::string signature;    // the server's, "ecdsa_sha256"; empty when resumed
  std::string alpn;         // empty when none was agreed
  std::string server_name;  // the SNI that was sent or received
  std::string policy;       // the s2n policy in force
  bool resumed = false;
  bool post_quantum = false;        // the group is a hybrid with ML-KEM
  bool client_certificate = false;  // one was sent (client) or received and accepted (server)
  bool ocsp_stapled = false;        // a response came, and passed
  sluice::early_data early_data = sluice::early_data::none;
  // Accepted. Client: of the data given, the server has so much; the rest is to be written as usual. Server: so many
  // bytes, the first that read() gives, came before the client had proved to be there.
  std::size_t early_bytes = 0;
};

struct connection_options {
  std::string_view server_name;           // client: the name or IP address the certificate must be for
  std::span<const std::string> alpn;      // replaces the context's list when not empty
  // Client: sent with the first message, when a session from the context's store allows it, and as much as it allows;
  // copied. Nothing is sent twice: info() says afterwards what the server has. Data without forward secrecy, which a
  // server may see again if somebody records it (RFC 8446 §8): only what may be done twice, such as a GET (RFC 8470).
  std::span<const std::byte> early_data = {};
  // Client: the server's port, where it is known. Sessions are kept by it, since two ports are two servers that open
  // only their own tickets; 0: by the name alone.
  std::uint16_t port = 0;
};

// No call takes more than 256 KiB or 64 records of what has arrived: where a peer never stops sending the answer is
// want::again, and the loop has its turn.
//
// One TLS connection. Not thread-safe: one thread at a time (a strand). Movable; the transport is passed to each
// call and not kept. Failures are latched: after one, every call returns it again. Two things are not failures: a
// transport that broke for writing (writing returns its error from then on, reading delivers what is still there),
// and a call refused without effect (errc::not_ready before the handshake is done, broken_pipe for writing after a
// close_notify, result_out_of_range for sizes above SSIZE_MAX).
//
//   connection tls(ctx, role::client, "example.org");
//   socket_transport io(fd);
//   for (auto st = tls.handshake(io); st.next != want::nothing; st = tls.handshake(io)) my_loop.wait(fd, st.next);
class connection {
 public:
  // Never fails by itself: what is wrong with the arguments (errc::bad_name, usage when the context is for the
  // other role) is the first call's error. A client's `server_name` is a host name (A-labels), sent as SNI and
  // matched against dNSName entries, or an IP literal, never sent and matched against iPAddress entries.
  connection(const context& ctx, role side, std::string_view server_name = {});
  connection(const context& ctx, role side, const connection_options& options);
  // One that has failed before it began, for who must hand one out all the same: every call returns `why`. It asks
  // nothing of the engine or of the session store.
  static connection failed(const context& ctx, failure why);
  // One that was moved from is empty: calls fail with errc::invalid_argument, and what is asked of it is empty as well.
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  step handshake(transport& io);

  // At most one buffer is filled. {nothing, bytes > 0} or {nothing, ended} or an error, or {read} or {again}: plaintext
  // that is already here is always delivered before an end or an error. Control records may come and go unseen; more
  // than 32 in a row that carry nothing (256 tickets) are a failure. In TLS 1.2 an end that came with data is reported
  // by a later call, so that the data can be answered: writing is over once it is.
  step read(transport& io, std::span<std::byte> into);

  // Seals at most 128 KiB, in as few records as possible, and offers all of them to the transport at once.
  // `bytes` were taken from the caller, even when next is want::write: they are on their way and must not be
  // given again; call flush() until it is done. Nothing is sealed while earlier bytes still wait.
  step write(transport& io, std::span<const ::iovec> from);
  step flush(transport& io);

  // New keys for what we send, from the next write() on, ahead of whose data KeyUpdate leaves (RFC 8446 §4.6.3).
  // Nothing is sent by this call, and the peer is not asked for new keys of its own; asking twice before a write is
  // asking once. Refused without effect: errc::not_ready before the handshake is done, errc::version_unsupported below
  // TLS 1.3, which has no such thing, broken_pipe after close_notify. s2n changes keys by itself before a cipher's
  // limit.
  error_code request_key_update();

  // Sends close_notify, then waits for the peer's; what the peer still sends is thrown away (RFC 8446 §6.1), but for
  // tickets and new keys. When the peer's has come already, it does not matter whether ours still reaches it.
  step shutdown(transport& io);
  // Sends close_notify alone; reading goes on. TLS 1.2 has no half close: there, what the peer still sends is
  // thrown away until its own close_notify, which read() reports, and writing ends when the peer's has come.
  step shutdown_write(transport& io);

  // After a failure: {delay} until the blinding time is over, then tells the peer the cause by a fatal alert, where one
  // can be written with certainty, and is done. Never close_notify, never fails. Close the transport afterwards.
  step close_failed(transport& io);

  // After want::application: starts the work. `ready` is called once, on any thread, perhaps before this returns;
  // then call handshake() again, on the connection's own thread. At `deadline` call expire_application_work() instead.
  // Starting what is started already only replaces `ready`.
  void start_application_work(std::chrono::steady_clock::time_point deadline, std::function<void()> ready);
  // Fails the connection with errc::key_timed_out; the work ends alone and finds nobody.
  void expire_application_work();
  // How long handshake() has waited for private keys so far.
  std::chrono::nanoseconds signing_time() const noexcept;

  // Fails the connection from outside: a deadline, a cancellation, a peer that hung up while we waited.
  void fail(failure why);

  bool is_established() const noexcept;  // the handshake is done and nothing has failed
  bool has_failed() const noexcept;
  // What ended the connection; else the last call that was refused, or a transport that broke for writing.
  const failure& last_failure() const noexcept;
  const connection_info& info() const noexcept;
  // So far. `timings` has the handshake and the signing; who looked up and connected adds the rest.
  connection_statistics statistics() const noexcept;

  // The peer's verified chain, leaf first, anchor last. Empty when the peer sent none, when the session was
  // resumed, or when verification is off.
  std::vector<certificate> verified_chain() const;
  // Which of the context's identities the peer was shown: by its name and what it can verify. None when the session was
  // resumed, or, on a client, when nobody asked.
  std::optional<identity> selected_identity() const;
  // After a failed handshake: the chain as the peer sent it, leaf first, proven by nothing. For showing to people.
  std::vector<certificate> unverified_certificates() const;

  // What passed in the handshake, once it has ended, where the context says record_transcript; else empty.
  const handshake_transcript& transcript() const noexcept;

  // Ciphertext the transport has not taken. For drivers that write it themselves: report what went by sent().
  // The span stays valid until sent(), flush(), write() or shutdown().
  std::span<const std::byte> unsent() const noexcept;
  void sent(std::size_t bytes);
  // Plaintext or whole records that can be read without the transport.
  bool has_buffered_input() const noexcept;
  // What was taken from the transport and is not TLS any more: the bytes behind the peer's close_notify, once that has
  // been read. From shutdown() on nothing behind it is taken. Lost: what follows a close_notify that is padded.
  std::span<const std::byte> read_ahead() const noexcept;

  // Gives the record buffers back (about 34 KiB) until they are needed; for connections that have gone quiet.
  void release_buffers() noexcept;

  // Starts over for a new peer, keeping the context, the role and the allocations. Everything else is as new.
  void reset(const connection_options& options = {});

  struct impl;  // the library's own

 private:
  explicit connection(std::unique_ptr<impl> made) noexcept;
  std::unique_ptr<impl> impl_;
};

}  // namespace sluice::inline v0
