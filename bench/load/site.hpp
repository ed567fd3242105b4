// SPDX-License-Identifier: Apache-2.0
// What every server is given: a key in a SoftHSM token, one in memory, certificates for both, and an echo behind.
#pragma once

namespace bench {

// Makes token, keys and certificates in a temporary folder, says where on stdout, and removes them when stdin ends.
int keep_site();

// A plain TCP echo server on loopback, for the proxies; says its port, and ends with stdin.
int run_backend();

}  // namespace bench
