// SPDX-License-Identifier: Apache-2.0
// Which token does a URI mean?
#pragma once

#include "pkcs11/library.hpp"
#include "sluice/pkcs11/module.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// As of the moment of the search: the slot is right until the token is pulled out.
struct found_token {
  CK_SLOT_ID slot = 0;
  CK_TOKEN_INFO info{};
  std::string label() const { return padded_text(info.label); }
};

// Exactly one token that fits every attribute of the URI's module, slot and token parts: one that is initialised, else
// one that the URI names, since some modules forget the flag. errc::token_not_found and token_ambiguous list the
// candidates by their URIs. A slot whose token cannot be read is passed over.
result<found_token> find_token(const library& lib, const uri& wanted);

uri token_uri(const CK_TOKEN_INFO& info, std::optional<CK_SLOT_ID> slot = std::nullopt);
// The module's part of a URI. errc::token_not_found says what the module is instead.
result<void> check_module(const module_info& module, const uri& wanted);

token_info describe(const library& lib, CK_SLOT_ID slot, const CK_TOKEN_INFO& info);
std::vector<CK_MECHANISM_TYPE> mechanisms_of(const library& lib, CK_SLOT_ID slot);
std::string mechanism_name(CK_MECHANISM_TYPE type);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
