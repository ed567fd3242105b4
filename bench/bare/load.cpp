// SPDX-License-Identifier: Apache-2.0
// The load generator (bench_load), and the bare client (bare_client): the same program twice. As the load, its
// check of the server's signature is replaced, so that it costs less than any server; as the bare client, with
// verify=1, it does what a real client must, and is what Sluice's client is compared with.
#include "bare/work.hpp"

#include <iostream>

#ifdef SLUICE_BENCH_NO_SIGNATURES
#include <openssl/base.h>

// The linker's --wrap calls these instead of AWS-LC's, whose names carry a prefix with its version.
#define WRAPPED_NAME(name) __wrap_##name
#define WRAPPED(name) WRAPPED_NAME(name)
extern "C" int WRAPPED(EVP_PKEY_verify)(EVP_PKEY_CTX*, const std::uint8_t*, std::size_t, const std::uint8_t*,
                                        std::size_t) {
  return 1;
}
#endif

int main(int argc, char** argv) try {
  const bench::settings given(argc, argv,
                              {"site", "port", "work", "count", "warm_up", "at_once", "size", "chunk", "resume",
                               "mutual", "verify", "only_start"});
  if (given.has("only_start")) {
    bench::check_s2n(s2n_init());
    return 0;
  }
  const auto load = bench::make_work(given);
  load->prepare(given.number("warm_up", 0));
  bench::run_rounds([&] { return load->run(given.number("count", 1)); });
  return 0;
} catch (const std::exception& error) {
  std::cerr << argv[0] << ": " << error.what() << '\n';
  return 1;
}
