// SPDX-License-Identifier: Apache-2.0
// The process ends well while a worker is still inside the module.
#include "core/signature_slot.hpp"
#include "pkcs11/access.hpp"
#include "pkcs11/key_state.hpp"
#include "support/faulty.hpp"
#include "support/own_process.hpp"
#include "support/until.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

// What a call that never returns has in hand is not lost, and its thread cannot always be stopped to be looked at.
static bool ends_with_a_call_under_way = false;
#ifdef __SANITIZE_ADDRESS__
extern "C" int __lsan_is_turned_off() { return ends_with_a_call_under_way ? 1 : 0; }
#endif

namespace sluice::pkcs11 {
namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using test::request_for;

std::size_t threads_of_the_process() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
std::size_t threads_at_first = 0;

// Those below are registered first, so they run last, when the module's own state has been taken apart.
void nobody_is_left() {
  // What is left of a thread that has done its work is the system's; it tells nobody when that is gone.
  if (test::until([] { return threads_of_the_process() == threads_at_first; }, 10s)) return;
  std::fputs("a worker outlives the end of the process\n", stderr);
  std::_Exit(3);
}

// The signature is there, the key has been dropped, and the worker, its last owner, closes its session.
bool ends_while_a_worker_takes_leave() {
  std::thread([] {}).join();  // a sanitizer starts a thread of its own with the first
  threads_at_first = threads_of_the_process();
  std::atexit(nobody_is_left);
  static const auto& faulty = *std::make_unique<test::faulty_token>().release();  // its end would put the script away
  faulty.generate("site");
  auto k = faulty.open("site");
  faulty.script("[latency]\nC_CloseSession = \"300ms\"");
  const auto slot = std::make_shared<internal::signature_slot>(k->name(), nullptr);
  internal::start_signing(*k, request_for(signature_scheme::ecdsa_secp256r1_sha256), slot);
  k.reset();
  std::promise<void> signed_now;
  slot->set_ready([&signed_now] { signed_now.set_value(); });
  return signed_now.get_future().wait_for(30s) == std::future_status::ready;
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
  const auto began = clock_type::now();
  IN_A_PROCESS_OF_ITS_OWN(ends_while_a_worker_hangs);
  EXPECT_LT(clock_type::now() - began, 60s);
}

// A call that hangs comes back while the process ends, to a module whose objects have been destroyed: [[hang]] ends
// with its script, which is removed at exit, after that.
struct late_call {
  std::promise<void> begun, promise;
  const std::shared_future<void> is_back = promise.get_future().share();
  bool is_back_within(std::chrono::milliseconds time) const {
    return is_back.wait_for(time) == std::future_status::ready;
  }
  static late_call& instance() {
    static auto& one = *std::make_unique<late_call>().release();
    return one;
  }
};
void the_call_stays_where_it_is() {
  if (late_call::instance().is_back_within(0s) || !late_call::instance().is_back_within(1s)) return;
  std::fputs("a call came back at the end of the process\n", stderr);
  std::_Exit(3);
}

bool ends_while_a_call_is_under_way(const char* function) {
  std::atexit(the_call_stays_where_it_is);
  static const auto& faulty = *std::make_unique<test::faulty_token>().release();
  ends_with_a_call_under_way = true;
  faulty.generate("site");
  static const auto& k = *std::make_unique<std::shared_ptr<key>>(faulty.open("site")).release();
  faulty.script(std::string("[[hang]]\nfunction = \"") + function + "\"");
  auto work = make_sign_job(*access::state(*k), request_for(signature_scheme::ecdsa_secp256r1_sha256));
  work.work = [sign = work.work](const signing_context& v) {
    late_call::instance().begun.set_value();
    return sign(v);
  };
  work.done = [](const result<der::bytes>&) { late_call::instance().promise.set_value(); };
  access::state(*k)->pool->submit(std::move(work));
  late_call::instance().begun.get_future().wait();
  return !late_call::instance().is_back_within(300ms);
}
TEST(exit, leaves_a_call_where_it_is_that_would_come_back_to_a_module_taken_apart) {
  IN_A_PROCESS_OF_ITS_OWN([] { return ends_while_a_call_is_under_way("C_SignInit"); });
  IN_A_PROCESS_OF_ITS_OWN([] { return ends_while_a_call_is_under_way("C_Sign"); });
}

bool ends_while_a_thread_of_its_own_is_in_the_module() {
  std::atexit(the_call_stays_where_it_is);
  static const auto& faulty = *std::make_unique<test::faulty_token>().release();
  ends_with_a_call_under_way = true;
  faulty.generate("site");
  faulty.script("[[hang]]\nfunction = \"C_FindObjects\"");
  std::thread([] {
    const auto own = token::open(faulty.uri("")).value();
    late_call::instance().begun.set_value();
    const auto keys = own.keys();
    late_call::instance().promise.set_value();
  }).detach();
  late_call::instance().begun.get_future().wait();
  return !late_call::instance().is_back_within(300ms);
}
TEST(exit, leaves_a_thread_of_the_program_in_its_call_as_well) {
  IN_A_PROCESS_OF_ITS_OWN(ends_while_a_thread_of_its_own_is_in_the_module);
}

// Destroyed after the module's own state: nothing is called any more, and nobody is waited for in vain.
struct last_owner {
  std::shared_ptr<key> k;
  ~last_owner() {
    k.reset();
    nobody_is_left();
  }
};
bool ends_with_a_key_in_static_storage(initialization mode) {
  std::thread([] {}).join();
  threads_at_first = threads_of_the_process();
  static last_owner owner;
  const test::faulty_token faulty;
  faulty.generate("site");
  owner.k = faulty.open("site", {.module = {.initialization = mode, .reserved = {}}});
  return owner.k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)).has_value();
}
TEST(exit, destroys_keys_that_outlive_the_module) {
  IN_A_PROCESS_OF_ITS_OWN([] { return ends_with_a_key_in_static_storage(initialization::standard); });
}

}  // namespace
}  // namespace sluice::pkcs11
