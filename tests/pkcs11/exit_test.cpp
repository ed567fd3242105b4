// SPDX-License-Identifier: Apache-2.0
// The process ends well while a worker is still inside the module.
#include "core/signature_slot.hpp"
#include "support/faulty.hpp"
#include "support/own_process.hpp"

#include <chrono>
#include <cstdlib>
#include <future>
#include <thread>

// What a call that never returns has in hand is not lost, and its thread cannot always be stopped to be looked at.
static bool ends_with_a_call_under_way = false;
#ifdef __SANITIZE_ADDRESS__
extern "C" int __lsan_is_turned_off() { return ends_with_a_call_under_way ? 1 : 0; }
#endif

namespace sluice::pkcs11 {
namespace {

using test::request_for;

// Registered first, so it runs last: what a worker does to a module that has been taken apart has time to show.
void linger() { std::this_thread::sleep_for(std::chrono::seconds(1)); }

// The signature is there, the key has been dropped, and the worker, its last owner, closes its session.
bool ends_while_a_worker_takes_leave() {
  std::atexit(linger);
  static const auto& faulty = *std::make_unique<test::faulty_token>().release();  // its end would put the script away
  faulty.generate("site");
  auto k = faulty.open("site");
  faulty.script("[latency]\nC_CloseSession = \"300ms\"");
  const auto slot = std::make_shared<internal::signature_slot>(k->name(), nullptr);
  internal::start_signing(*k, request_for(signature_scheme::ecdsa_secp256r1_sha256), slot);
  k.reset();
  std::promise<void> signed_now;
  slot->set_ready([&signed_now] { signed_now.set_value(); });
  return signed_now.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
}
TEST(exit, waits_for_a_worker_that_takes_leave) { IN_A_PROCESS_OF_ITS_OWN(ends_while_a_worker_takes_leave); }

// Nobody can end a call that does not return; the process does not wait for it for ever.
bool ends_while_a_worker_hangs() {
  static const auto& faulty = *std::make_unique<test::faulty_token>().release();
  ends_with_a_call_under_way = true;
  faulty.generate("site");
  const auto k = faulty.open("site");
  faulty.script("[latency]\nC_Sign = \"600s\"");  // not [[hang]]: that ends with its script, which is removed at exit
  const auto stuck =
      sign_and_wait(*k, request_for(signature_scheme::ecdsa_secp256r1_sha256), std::chrono::milliseconds(200));
  return !stuck && stuck.error().code == errc::key_timed_out;
}
TEST(exit, does_not_wait_for_ever_for_a_worker_that_hangs) {
  const auto began = std::chrono::steady_clock::now();
  IN_A_PROCESS_OF_ITS_OWN(ends_while_a_worker_hangs);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

}  // namespace
}  // namespace sluice::pkcs11
