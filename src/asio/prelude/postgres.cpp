// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's SSLRequest: eight bytes, and one in answer ("Frontend/Backend Protocol", SSL Session Encryption).
#include "asio/prelude/starttls_protocols.hpp"

namespace sluice {
inline namespace v0 {
namespace detail {

net::awaitable<void> ask_postgres(dialogue& with) {
  constexpr char request[] = {0, 0, 0, 8, 0x04, static_cast<char>(0xd2), 0x16, 0x2f};  // 80877103
  co_await with.send(std::string(request, sizeof request));
  const auto answer = co_await with.bytes(1);
  if (answer == "S") co_return;
  if (answer == "N")
    throw_peer_failure("it has no TLS: it answers N to SSLRequest", "turn it on at the server: ssl = on");
  // The text of an error is not shown: before TLS it may be an attacker's (CVE-2024-10977).
  throw_peer_failure(answer == "E" ? "it answers SSLRequest with an error"
                                   : "it does not speak PostgreSQL: it answers SSLRequest with " + in_quotes(answer),
                     "see what listens there");
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
