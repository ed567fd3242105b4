// SPDX-License-Identifier: Apache-2.0
// Signing and decrypting what cannot be: for every scheme, and for decryption, each fault has its own code.
#include "signing.hpp"

namespace sluice::pkcs11 {
namespace {

using test::request_for;

const std::array<std::byte, 256> ciphertext{};

// One thing that a key is asked to do: through the API, and on a session as the pool does it.
struct operation {
  std::string name, label, wrong_label;
  const char* mechanism;
  key_kind kind;
  CK_RV nothing;  // the answer to empty input
  std::function<error_code(key&, bool is_empty)> ask;
  std::function<CK_RV(const session&, CK_OBJECT_HANDLE)> ask_session;
};

error_code code_of(const auto& outcome) { return outcome ? error_code() : outcome.error().code; }

operation signature_with(signature_scheme scheme, std::string label) {
  const bool is_ec = kind_of(scheme) == signature_kind::ecdsa;
  const bool is_pss = kind_of(scheme) == signature_kind::rsa_pss;
  const key_kind kind{.type = is_ec ? CKK_ECDSA : CKK_RSA};
  return {.name = std::string(to_string(scheme)),
          .label = std::move(label),
          .wrong_label = is_ec ? "rsa2048" : "ec256",
          .mechanism = is_ec    ? "CKM_ECDSA"
                       : is_pss ? "CKM_RSA_PKCS_PSS"
                                : "CKM_RSA_PKCS",
          .kind = kind,
          .nothing = CKR_DATA_LEN_RANGE,
          .ask =
              [scheme](key& k, bool is_empty) {
                auto request = request_for(scheme);
                if (is_empty) request.input_size = 0;
                return code_of(k.sign(request));
              },
          .ask_session =
              [scheme, kind](const session& s, CK_OBJECT_HANDLE handle) {
                const auto made = s.sign(handle, kind, request_for(scheme), {});
                return made ? CKR_OK : static_cast<CK_RV>(made.error().value());
              }};
}

operation decryption() {
  return {.name = "decrypt",
          .label = "rsa2048",
          .wrong_label = "ec256",
          .mechanism = "CKM_RSA_PKCS",
          .kind = {},
          .nothing = CKR_ENCRYPTED_DATA_LEN_RANGE,
          .ask =
              [](key& k, bool is_empty) {
                return code_of(k.decrypt(der::view(ciphertext).first(is_empty ? 0 : ciphertext.size())));
              },
          .ask_session =
              [](const session& s, CK_OBJECT_HANDLE handle) {
                der::bytes out;
                return s.decrypt(handle, CKK_RSA, ciphertext, {}, out);
              }};
}

std::vector<operation> all_operations() {
  std::vector<operation> all{decryption()};
  for (const auto scheme : rsa_schemes) all.push_back(signature_with(scheme, "rsa2048"));
  for (const auto& curve : curves) all.push_back(signature_with(curve.scheme, curve.label));
  return all;
}

class refusals : public signing {};

TEST_F(refusals, of_a_session_that_was_never_opened_or_is_closed) {
  for (const auto& o : all_operations()) {
    EXPECT_EQ(o.ask_session(session(*lib_), handle(o.label)), CKR_SESSION_HANDLE_INVALID) << o.name;
    session closed(*lib_);
    ASSERT_EQ(closed.open(slot()), CKR_OK);
    ASSERT_EQ(lib_->call(&CK_FUNCTION_LIST::C_CloseSession, closed.handle()), CKR_OK);
    EXPECT_EQ(o.ask_session(closed, handle(o.label)), CKR_SESSION_HANDLE_INVALID) << o.name;
  }
}

TEST_F(refusals, of_a_key_handle_that_is_none) {
  for (const auto& o : all_operations()) {
    const auto rv = o.ask_session(s_, 0xdead);
    EXPECT_TRUE(rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID) << o.name << ' ' << rv;
  }
}

// Never left to the token: SoftHSM 2.6 answers CKR_GENERAL_ERROR, and crashes when it is PSS with an EC key.
TEST_F(refusals, of_a_key_of_the_wrong_type) {
  for (const auto& o : all_operations()) {
    const auto code = o.ask(*open(o.wrong_label), false);
    EXPECT_EQ(code, ckr(CKR_KEY_TYPE_INCONSISTENT)) << o.name;
    EXPECT_EQ(code, errc::key_type_unsupported) << o.name;
  }
}

TEST_F(refusals, of_empty_input) {
  for (const auto& o : all_operations()) EXPECT_EQ(o.ask(*open(o.label), true), ckr(o.nothing)) << o.name;
}

TEST_F(refusals, of_a_mechanism_that_the_token_lacks) {
  const test::faulty_token faulty;
  for (const auto type : {key_type::rsa2048, key_type::ec256, key_type::ec384, key_type::ec521}) {
    faulty.generate(std::string(to_string(type)), type, static_cast<char>(static_cast<int>(type) + 1));
  }
  for (const auto& o : all_operations()) {
    const auto k = faulty.open(o.label);
    faulty.script(std::string("[token]\nwithout = [\"") + o.mechanism + "\"]");
    const auto code = o.ask(*k, false);
    EXPECT_EQ(code, ckr(CKR_MECHANISM_INVALID)) << o.name;
    EXPECT_EQ(code, errc::mechanism_unsupported) << o.name;
    EXPECT_EQ(code, errc::key_unavailable) << o.name;
    faulty.behave();
    if (o.name == "decrypt") continue;  // there is nothing to be had from zeros
    EXPECT_FALSE(o.ask(*k, false)) << o.name << ", once it has it";
  }
}

TEST_F(refusals, of_a_digest_of_another_length) {
  auto request = request_for(signature_scheme::ecdsa_secp256r1_sha256);
  request.input_size = 31;
  EXPECT_EQ(open("ec256")->sign(request).error().code, ckr(CKR_DATA_LEN_RANGE));
}

TEST_F(refusals, an_answer_that_is_no_signature_is_an_encoding_error) {
  const test::faulty_token faulty;
  faulty.generate("site");
  const auto k = faulty.open("site");
  for (const auto* how : {"odd", "empty"}) {
    faulty.script(std::string("[token]\nsignature = \"") + how + "\"");
    const auto error = k->sign(request_for(signature_scheme::ecdsa_secp256r1_sha256)).error();
    EXPECT_EQ(error.code, errc::encoding_error) << how;
    EXPECT_EQ(error.detail, "the signature has an odd or empty length") << how;
    EXPECT_EQ(error.at, phase::signing) << how;
    EXPECT_FALSE(error.token.empty()) << how;
    EXPECT_EQ(k->stats().sessions_reopened, 0U) << how << ": the session stays";
  }
}

}  // namespace
}  // namespace sluice::pkcs11
