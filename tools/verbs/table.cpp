// SPDX-License-Identifier: Apache-2.0
#include "verbs/table.hpp"

#include <array>

namespace sluice::tool {
namespace {

constexpr std::array all = {
    verb{"demo", "The whole thing on this machine: a key born in a token, servers, clients, and a slow token",
         "  sluice demo\n"
         "  sluice demo --no-timing --json",
         declare_demo},
    verb{"check", "One handshake, one verdict: is this server all right, and why not?",
         "  sluice check example.org\n"
         "  sluice check localhost:8443 --ca ca.pem --require-pq --fail-under 21d --json",
         declare_check},
    verb{"connect", "The same, then stdin to the peer and the peer to stdout",
         "  printf 'GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n' | sluice connect example.org\n"
         "  sluice connect [::1]:8443 --ca ca.pem --cert me.pem --key "
         "'pkcs11:token=mine;object=me?module-name=softhsm2'",
         declare_connect},
    verb{
        "serve", "A TLS server for tests and demonstrations",
        "  sluice serve --listen 127.0.0.1:8443 --mode http\n"
        "  sluice serve --listen 127.0.0.1:0 --cert site.pem --key 'pkcs11:token=web;object=site?module-name=softhsm2' "
        "--pin-file pin",
        declare_serve},
    verb{"token", "Tokens and the keys in them: list, make, import, sign, measure, examine, watch",
         "  sluice token list\n"
         "  sluice token doctor 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --cert site.pem",
         declare_token},
};

}  // namespace

std::span<const verb> verbs() { return all; }

}  // namespace sluice::tool
