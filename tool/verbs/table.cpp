// SPDX-License-Identifier: Apache-2.0
#include "verbs/table.hpp"

#include "verbs/bench/bench.hpp"
#include "verbs/ca/ca.hpp"
#include "verbs/check/check.hpp"
#include "verbs/connect/connect.hpp"
#include "verbs/demo/demo.hpp"
#include "verbs/lab/lab.hpp"
#include "verbs/policy/policy.hpp"
#include "verbs/serve/serve.hpp"
#include "verbs/token/token.hpp"

#include <array>

namespace sluice::tool {
namespace {

constexpr std::array all = {
    verb{"demo", "A demonstration on this machine: a key generated on a token, a server, clients, and a slow token",
         "  sluice demo\n"
         "  sluice demo --no-timing --json",
         declare_demo},
    verb{"check", "One handshake with a server: reports whether it succeeds, and why not",
         "  sluice check example.org\n"
         "  sluice check localhost:8443 --ca ca.pem --require-pq --fail-under 21d --json",
         declare_check},
    verb{"connect", "A handshake, then stdin is sent to the peer and its data to stdout",
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
    verb{"ca", "A certificate authority for development: init, issue, sign, revoke, crl, ocsp",
         "  sluice ca init dev-ca\n"
         "  sluice ca issue localhost --ip 127.0.0.1 --ca dev-ca",
         declare_ca},
    verb{"token", "Tokens and their keys: list, generate, import, sign, measure, diagnose, watch",
         "  sluice token list\n"
         "  sluice token doctor 'pkcs11:token=web;object=site?module-name=softhsm2' --pin-file pin --cert site.pem",
         declare_token},
    verb{"lab", "Misconfigured and hostile peers on this machine, each with the result that a client must report",
         "  sluice lab run\n"
         "  sluice lab run certificates --client 'openssl s_client -connect {host}:{port} -CAfile {ca} "
         "-verify_hostname {sni} -verify_return_error'",
         declare_lab},
    verb{"policy", "Security policies: what each offers, how two differ, which can talk to a server",
         "  sluice policy list\n"
         "  sluice policy for example.org",
         declare_policy},
    verb{"bench", "Load for a server: handshakes, throughput, latency, idle connections",
         "  sluice bench handshake localhost:8443 --ca ca.pem\n"
         "  sluice bench latency localhost:8443 --ca ca.pem --rate 1000",
         declare_bench},
};

}  // namespace

std::span<const verb> verbs() { return all; }

}  // namespace sluice::tool
