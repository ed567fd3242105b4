// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module: the shared library that gives access to tokens.
#pragma once

#include "sluice/pkcs11/uri.hpp"
#include "sluice/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// Whether Sluice calls C_Initialize and C_Finalize, which affect the whole process.
enum class initialization : std::uint8_t {
  standard,   // call C_Initialize, which may have been called before; never call C_Finalize
  omit,       // call neither; CKR_CRYPTOKI_NOT_INITIALIZED if the program has not called C_Initialize
  strict,     // call C_Initialize, CKR_CRYPTOKI_ALREADY_INITIALIZED if it was called before; C_Finalize at the end
  sole_user,  // as standard, and nothing else in this process uses the module: C_Finalize and C_Initialize may be
              // called when no other step of recovery brings its tokens back
};

// How Sluice initialises a module, and how it ends its use.
struct module_options {
  pkcs11::initialization initialization = initialization::standard;  // C_Initialize and C_Finalize
  std::string reserved;  // pReserved of C_Initialize: NSS softokn's parameter string
};

// A module, as its C_GetInfo reports it, without the padding of PKCS#11.
struct module_info {
  std::string path, manufacturer, description;  // as given to load(); manufacturerID; libraryDescription
  int cryptoki_major = 0, cryptoki_minor = 0;   // the version that C_GetInfo reports; the v2.40 functions are used
  int library_major = 0, library_minor = 0;     // the module's own version
};

// A token in a slot, as the module reports it.
struct token_info {
  std::string label, manufacturer, model, serial, uri;  // CK_TOKEN_INFO, without padding; a URI of all four
  std::string slot_manufacturer, slot_description;      // CK_SLOT_INFO; empty if it cannot be read
  std::uint64_t slot_id = 0;                            // another one, as a rule, after the token was plugged in anew
  std::vector<std::string> flags;                       // "login-required", "user-pin-locked", …
  std::vector<std::string> mechanisms;  // "CKM_ECDSA", "CKM_RSA_PKCS_PSS"; "0x80000001" for a vendor's own
  std::uint64_t max_sessions = 0;       // 0: no limit, or unknown
  std::uint64_t open_sessions = 0;      // of this program, if the token counts them
  bool is_initialized = false;          // the flag CKF_TOKEN_INITIALIZED, which some modules do not set
};

// Returns whether the URI matches a token of that module: every attribute of module, slot and token in it must match.
bool fits(const uri& wanted, const module_info& module, const token_info& token);

// Returns whether the URI identifies a token. Such a token is used even without the flag CKF_TOKEN_INITIALIZED.
bool names_a_token(const uri& wanted) noexcept;

struct access;  // internal
class library;  // internal: one loaded module

// A loaded module; copies share it. It is loaded with RTLD_LOCAL and stays mapped until the process ends. At the end of
// the process, calls in progress are waited for, for at most 2 s; then threads that are still inside a call are stopped
// there, and no further call is made. Any thread may use it. Modules without locking are called from one thread at a
// time.
class module {
 public:
  // Loads a module. Errors: errc::module_load_failed, symbol_missing, module_version_unsupported, or the CKR of
  // C_Initialize.
  static result<module> load(const std::string& path, const module_options& options = {});

  // Returns the path of the module with that name, "softhsm2": a file NAME.so or libNAME.so in p11-kit's module folder,
  // or else the path in p11-kit's file NAME.module. errc::module_load_failed lists the paths that were tried. A path is
  // returned unchanged.
  static result<std::string> find(std::string_view name);

  // Returns the names of the modules that are registered with p11-kit on this system, for find().
  static std::vector<std::string> registered();

  // As read when the module was loaded. The reference is valid as long as a copy of the module.
  const module_info& info() const noexcept;
  // Returns every token that is present.
  result<std::vector<token_info>> tokens() const;

 private:
  friend struct access;
  explicit module(std::shared_ptr<library> loaded) noexcept : library_(std::move(loaded)) {}
  std::shared_ptr<library> library_;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
