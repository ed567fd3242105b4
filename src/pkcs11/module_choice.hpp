// SPDX-License-Identifier: Apache-2.0
// Which module and which PIN: the options first, then what the URI says.
#pragma once

#include "sluice/pkcs11/module.hpp"
#include "sluice/pkcs11/pin.hpp"
#include "sluice/pkcs11/uri.hpp"

#include <string>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// `given` may be a path or a name; empty leaves it to the URI's module-path, then module-name.
result<std::string> choose_module(const uri& u, const std::string& given);

// An empty source when nothing says where a PIN is.
result<pin_source> choose_pin(const uri& u, const pin_source& given);

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
