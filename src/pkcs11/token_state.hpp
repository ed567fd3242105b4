// SPDX-License-Identifier: Apache-2.0
// What a token holds open, for the files that look at it and write to it.
#pragma once

#include "pkcs11/login.hpp"
#include "pkcs11/session.hpp"
#include "sluice/pkcs11/token.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

struct type_row {
  key_type type;
  const char* name;
  CK_ULONG bits;           // RSA
  std::string_view curve;  // EC: the OID in DER
};

namespace key_types {
using namespace std::string_view_literals;
inline constexpr std::array all = {
    type_row{key_type::ec256, "ec256", 0, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"sv},
    type_row{key_type::ec384, "ec384", 0, "\x06\x05\x2b\x81\x04\x00\x22"sv},
    type_row{key_type::ec521, "ec521", 0, "\x06\x05\x2b\x81\x04\x00\x23"sv},
    type_row{key_type::rsa2048, "rsa2048", 2048, ""sv},
    type_row{key_type::rsa3072, "rsa3072", 3072, ""sv},
    type_row{key_type::rsa4096, "rsa4096", 4096, ""sv},
};
}  // namespace key_types

// Used by one thread at a time. `generation` belongs to the session: begin() compares it inside a visit and, where the
// module was initialised anew, finds the token, the session and the login again.
struct token::state {
  std::shared_ptr<library> lib;
  std::unique_ptr<session> s;
  CK_SLOT_ID slot = 0;
  token_info info;
  uri place;
  std::optional<token_login> login;
  bool is_read_write = false;
  bool is_logged_in = false;
  bool has_logged_in_itself = false;
  bool has_used_pin = false;
  std::uint64_t generation = 0;

  // Called inside the module: after it was initialised anew, nothing from before is valid.
  result<void> begin();
  std::string text_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) const;
  std::string uri_of(CK_OBJECT_HANDLE object, const char* type) const;
  failure call_failure(CK_RV rv, const char* what) const;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
