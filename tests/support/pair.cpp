// SPDX-License-Identifier: Apache-2.0
#include "support/pair.hpp"

#include "sluice/blocking.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <random>

namespace sluice::test {
namespace {

error_code would_block() { return boost::system::errc::make_error_code(boost::system::errc::operation_would_block); }

}  // namespace

std::optional<error_code> pipe_end::interference() noexcept {
  const auto number = calls++;
  if (!interfere) return std::nullopt;
  const auto ec = interfere(number);
  if (!ec) return std::nullopt;
  return ec;
}

std::size_t pipe_end::read(std::span<std::byte> into, error_code& ec) noexcept {
  ec = {};
  if (const auto bad = interference()) {
    ec = *bad;
    return 0;
  }
  const auto n = std::min({into.size(), in_.bytes.size(), chunk});
  if (n == 0 && !in_.is_cut) ec = would_block();
  std::copy_n(in_.bytes.begin(), n, into.begin());
  in_.bytes.erase(in_.bytes.begin(), in_.bytes.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

std::size_t pipe_end::write(std::span<const std::byte> from, error_code& ec) noexcept {
  ec = {};
  if (const auto bad = interference()) {
    ec = *bad;
    return 0;
  }
  if (!accepts_output) {
    ec = would_block();
    return 0;
  }
  const auto n = std::min(from.size(), chunk);
  out_.bytes.insert(out_.bytes.end(), from.begin(), from.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

pair::pair(const context& client_ctx, const context& server_ctx, const connection_options& client_options)
    : client(client_ctx, role::client, client_options), server(server_ctx, role::server) {}

step pair::drive(connection& c, transport& io) {
  for (;;) {
    const auto st = c.handshake(io);
    if (st.next != want::application) return st;
    if (!blocking::wait_external(c, std::chrono::steady_clock::now() + std::chrono::seconds(30)))
      c.expire_application_work();
  }
}

bool pair::handshake() {
  // With one byte a call the whole takes some thousand turns; none without progress is ever needed.
  for (int turn = 0; turn < 200000; ++turn) {
    const auto c = drive(client, client_io);
    const auto s = drive(server, server_io);
    if (c.error || s.error) return false;
    if (c.next == want::nothing && s.next == want::nothing) return true;
  }
  return false;
}

step write_text(connection& c, transport& io, std::string_view text) {
  const ::iovec part{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()};
  return c.write(io, {&part, 1});
}

std::string read_all(connection& c, transport& io, step* last) {
  std::string text;
  std::vector<std::byte> buffer(20000);
  for (;;) {
    const auto st = c.read(io, buffer);
    text.append(reinterpret_cast<const char*>(buffer.data()), st.bytes);
    if (last) *last = st;
    if (st.bytes == 0) return text;
  }
}

std::string pair::send(connection& from, transport& from_io, connection& to, transport& to_io,
                       const std::string& text) {
  std::string arrived;
  std::string_view rest = text;
  for (int turn = 0; turn < 2000000 && arrived.size() < text.size(); ++turn) {
    if (!rest.empty()) {
      const auto st = write_text(from, from_io, rest);
      if (st.error) break;
      rest.remove_prefix(st.bytes);
    } else {
      from.flush(from_io);
    }
    step st;
    arrived += read_all(to, to_io, &st);
    if (st.error || st.ended) break;
  }
  return arrived;
}

std::string random_text(std::size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  std::string text(size, '\0');
  for (auto& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace sluice::test
