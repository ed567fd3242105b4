// SPDX-License-Identifier: Apache-2.0
// Tokens that are well, and odd as those in use are: each is used all the same.
#include "support/faulty.hpp"
#include "support/own_process.hpp"

#include "testkit/authority/authority.hpp"
#include "pkcs11/library.hpp"
#include "sluice/identity.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace sluice::pkcs11 {
namespace {

using test::request_for;

void be_odd(const char* how) { ::setenv("SLUICE_ODD", how, 1); }

// One token behind the odd module, made while it is not odd. For a process of its own: threads read the variables.
class odd_token {
 public:
  odd_token() {
    testkit::softhsm_home();
    ::setenv("SLUICE_ODD_TARGET", testkit::softhsm_module().value().c_str(), 1);
    be_odd("");
    real_ = testkit::scratch_token::make("odd", SLUICE_ODD_MODULE).value();
    ::setenv("SLUICE_ODD_PIN", real_->pin().c_str(), 1);
  }
  void generate(const std::string& label, char id, key_type type = key_type::ec256) const {
    const auto byte = std::byte(id);
    real_->admin().value().generate_key(type, label, {&byte, 1}).value();
  }
  std::string uri(const std::string& object) const { return real_->uri(object); }
  std::string uri_without_pin(const std::string& object) const {
    auto u = pkcs11::uri::parse(real_->uri(object)).value();
    u.pin_source.clear();
    return u.to_string();
  }
  const testkit::scratch_token& real() const noexcept { return *real_; }

 private:
  std::unique_ptr<testkit::scratch_token> real_;
};

// gtest's expectations do not leave a forked process: each function answers whether all was right.
#define SLUICE_NEEDS(condition)                                                    \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      return false;                                                                \
    }                                                                              \
  } while (false)

bool is_used_by_what_get_info_says() {
  const odd_token token;
  be_odd("old_list");
  const auto old_list = module::load(SLUICE_ODD_MODULE);
  SLUICE_NEEDS(old_list && old_list->info().cryptoki_major == 2 && old_list->info().cryptoki_minor == 40);
  be_odd("old_info");
  const auto old_info = module::load(SLUICE_ODD_MODULE);
  SLUICE_NEEDS(!old_info && old_info.error().code == errc::module_version_unsupported);
  SLUICE_NEEDS(old_info.error().detail == "it implements PKCS#11 2.10");
  be_odd("no_info");
  const auto no_info = module::load(SLUICE_ODD_MODULE);
  SLUICE_NEEDS(no_info && no_info->info().cryptoki_minor == 40);
  return true;
}
TEST(odd_tokens, have_the_version_that_get_info_says) { IN_A_PROCESS_OF_ITS_OWN(is_used_by_what_get_info_says); }

bool is_used_without_its_flag_where_it_is_named() {
  const odd_token token;
  token.generate("site", 1);
  be_odd("not_initialised");
  SLUICE_NEEDS(open_key(token.uri("site")));
  auto unnamed = uri::parse(token.uri("site")).value();
  unnamed.token.reset();
  const auto none = open_key(unnamed.to_string());
  SLUICE_NEEDS(!none && none.error().code == errc::token_not_found);
  SLUICE_NEEDS(none.error().detail.find("token=odd") != std::string::npos);
  return true;
}
TEST(odd_tokens, that_do_not_say_they_are_initialised_are_used_when_named) {
  IN_A_PROCESS_OF_ITS_OWN(is_used_without_its_flag_where_it_is_named);
}

bool is_logged_in_to_with_the_pin_that_is_given() {
  const odd_token token;
  token.generate("site", 1);
  be_odd("no_login,no_pin_set");
  const auto opened = open_key(token.uri("site"));
  SLUICE_NEEDS(opened && (*opened)->stats().logins == 1);
  SLUICE_NEEDS((*opened)->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  return true;
}
TEST(odd_tokens, that_do_not_say_they_want_a_login_get_one_with_a_pin) {
  IN_A_PROCESS_OF_ITS_OWN(is_logged_in_to_with_the_pin_that_is_given);
}

bool is_refused_with_a_wrong_pin() {
  const odd_token token;
  token.generate("site", 1);
  be_odd("no_login");
  const auto file = testkit::softhsm_home().write("wrong", "000000\n");
  const auto opened = token::open(token.uri_without_pin(""), {.pin = pin_from_file(file)});
  SLUICE_NEEDS(!opened && code_name(opened.error().code) == "CKR_PIN_INCORRECT");
  return true;
}
TEST(odd_tokens, that_do_not_say_they_want_a_login_refuse_a_wrong_pin) {
  IN_A_PROCESS_OF_ITS_OWN(is_refused_with_a_wrong_pin);
}

bool is_asked_at_the_pad_once() {
  const odd_token token;
  token.generate("site", 1);
  be_odd("pad");
  const auto looked_at = token::open(token.uri_without_pin(""), {.logs_in = false}).value();
  SLUICE_NEEDS(!looked_at.is_logged_in() && !looked_at.has_logged_in());
  const auto opened = token::open(token.uri_without_pin("")).value();
  SLUICE_NEEDS(opened.has_logged_in());
  const auto key = open_key(token.uri_without_pin("site"));
  SLUICE_NEEDS(key && (*key)->stats().logins == 0);
  const auto again = token::open(token.uri_without_pin("")).value();
  SLUICE_NEEDS(again.is_logged_in() && !again.has_logged_in());
  SLUICE_NEEDS((*key)->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)));
  return true;
}
TEST(odd_tokens, with_a_pad_ask_a_person_once) { IN_A_PROCESS_OF_ITS_OWN(is_asked_at_the_pad_once); }

bool finds_all_objects_one_by_one() {
  const odd_token token;
  for (char i = 1; i <= 70; ++i) token.generate("key" + std::to_string(i), i);
  token.generate("twin", 101);
  token.generate("twin", 102);
  be_odd("one_object");
  SLUICE_NEEDS(token.real().admin().value().keys().value().size() == 72);
  SLUICE_NEEDS(token.real().admin().value().find_keys("twin").value().size() == 2);
  SLUICE_NEEDS(open_key(token.uri("key70")));
  const auto twin = open_key(token.uri("twin"));
  SLUICE_NEEDS(!twin && twin.error().code == errc::key_ambiguous);
  SLUICE_NEEDS(twin.error().detail == "it has pkcs11:id=e;object=twin, pkcs11:id=f;object=twin" ||
               twin.error().detail == "it has pkcs11:id=%65;object=twin, pkcs11:id=%66;object=twin");
  const auto none = open_key(token.uri("nobody"));
  SLUICE_NEEDS(!none && none.error().detail.ends_with(" and 56 more"));
  be_odd("");
  SLUICE_NEEDS(token.real().admin().value().keys().value().size() == 72);
  return true;
}
TEST(odd_tokens, that_hand_out_one_object_a_call_are_searched_to_the_end) {
  IN_A_PROCESS_OF_ITS_OWN(finds_all_objects_one_by_one);
}

bool reads_points_in_every_form() {
  const odd_token token;
  token.generate("ec256", 1);
  token.generate("ec384", 2, key_type::ec384);
  for (const auto* label : {"ec256", "ec384"}) {
    be_odd("");
    const auto expected = open_key(token.uri(label)).value()->public_key();
    SLUICE_NEEDS(expected);
    for (const auto* form : {"bit_point", "bare_point", "compressed_point", "hybrid_point"}) {
      be_odd(form);
      SLUICE_NEEDS(open_key(token.uri(label)).value()->public_key() == expected);
    }
    be_odd("senseless_point");
    SLUICE_NEEDS(!open_key(token.uri(label)).value()->public_key());
  }
  return true;
}
TEST(odd_tokens, write_points_in_every_form_and_what_cannot_be_parsed_counts_as_absent) {
  IN_A_PROCESS_OF_ITS_OWN(reads_points_in_every_form);
}

bool does_not_know_its_sessions() {
  const odd_token token;
  be_odd("counts");
  const auto info = token.real().admin().value().info();
  SLUICE_NEEDS(info.max_sessions == 0 && info.open_sessions == 0);
  return true;
}
TEST(odd_tokens, that_do_not_know_how_many_sessions_they_take_announce_no_limit) {
  IN_A_PROCESS_OF_ITS_OWN(does_not_know_its_sessions);
}

bool takes_parameters() {
  testkit::softhsm_home();
  ::setenv("SLUICE_ODD_TARGET", testkit::softhsm_module().value().c_str(), 1);
  be_odd("parameters");
  module_options options;
  const auto without = module::load(SLUICE_ODD_MODULE, options);
  SLUICE_NEEDS(!without && code_name(without.error().code) == "CKR_ARGUMENTS_BAD");
  SLUICE_NEEDS(without.error().remedy.find("--module-parameters") != std::string::npos);
  options.reserved = "configdir=here";
  SLUICE_NEEDS(module::load(SLUICE_ODD_MODULE, options));
  return true;
}
TEST(odd_tokens, whose_module_takes_parameters_get_them) { IN_A_PROCESS_OF_ITS_OWN(takes_parameters); }

bool is_misconfigured() {
  testkit::softhsm_home();
  ::setenv("SLUICE_ODD_TARGET", testkit::softhsm_module().value().c_str(), 1);
  be_odd("misconfigured");
  const auto m = module::load(SLUICE_ODD_MODULE);
  SLUICE_NEEDS(!m && code_name(m.error().code) == "CKR_GENERAL_ERROR" && m.error().detail == "C_Initialize");
  SLUICE_NEEDS(m.error().remedy == "look at the module's own configuration, and at the service behind it");
  return true;
}
TEST(odd_tokens, whose_module_cannot_start_get_the_remedy_to_check_its_configuration) {
  IN_A_PROCESS_OF_ITS_OWN(is_misconfigured);
}

}  // namespace
}  // namespace sluice::pkcs11
