// SPDX-License-Identifier: Apache-2.0
// A PKCS#11 module: the shared library that speaks for tokens.
#pragma once

#include "sluice/pkcs11/uri.hpp"
#include "sluice/result.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::inline v0::pkcs11 {

// Who calls C_Initialize and C_Finalize, which are for the whole process.
enum class initialization : std::uint8_t {
  standard,  // initialise unless somebody has; never finalise
  omit,      // somebody else does both; CKR_CRYPTOKI_NOT_INITIALIZED when nobody has
  strict,    // initialise, CKR_CRYPTOKI_ALREADY_INITIALIZED when somebody has; finalise at the last release
  sole_user,  // as standard, and nobody but this library uses the module in this process: it may be finalised and
              // initialised anew when nothing else brings its tokens back
};

struct module_options {
  pkcs11::initialization initialization = initialization::standard;
  std::string reserved;  // pReserved of C_Initialize: NSS softokn's parameter string
};

struct module_info {
  std::string path, manufacturer, description;
  int cryptoki_major = 0, cryptoki_minor = 0;  // what its C_GetInfo says it implements; its v2.40 functions are used
  int library_major = 0, library_minor = 0;
};

// A token in a slot, as the module describes it.
struct token_info {
  std::string label, manufacturer, model, serial, uri;
  std::string slot_manufacturer, slot_description;
  std::uint64_t slot_id = 0;
  std::vector<std::string> flags;         // "login-required", "user-pin-locked", …
  std::vector<std::string> mechanisms;    // "CKM_ECDSA", "CKM_RSA_PKCS_PSS"; "0x80000001" for a vendor's own
  std::uint64_t max_sessions = 0;        // 0: no limit known
  std::uint64_t open_sessions = 0;        // of this program, where the token counts them
  bool is_initialized = false;            // as its flag says, which some modules forget to set
};

// Does the URI mean a token of that module? Every attribute of module, slot and token that it gives must fit.
bool fits(const uri& wanted, const module_info& module, const token_info& token);

// Does it name a token, so that one without its flag CKF_TOKEN_INITIALIZED is used all the same?
bool names_a_token(const uri& wanted) noexcept;

class library;  // the library's own: one loaded module

// Copies share the module. Loaded with RTLD_LOCAL; it stays mapped until the process ends. Then calls under way are
// waited for, 2 s at most: a thread that is still inside a call is stopped there, and no further call is made.
// Threads: safe. Modules that cannot lock are called from one thread at a time.
class module {
 public:
  // errc::module_load_failed, symbol_missing, module_version_unsupported, or the CKR of C_Initialize.
  static result<module> load(const std::string& path, const module_options& options = {});

  // The path of a module by its name, "softhsm2": a file NAME.so or libNAME.so in p11-kit's module folder, else
  // what p11-kit's NAME.module file says. errc::module_load_failed lists what was tried. A path is returned as is.
  static result<std::string> find(std::string_view name);

  // The names of the modules that this system's p11-kit is told of, for find().
  static std::vector<std::string> registered();

  const module_info& info() const noexcept;
  // Every token that is present.
  result<std::vector<token_info>> tokens() const;

  const std::shared_ptr<library>& shared() const noexcept { return library_; }

 private:
  explicit module(std::shared_ptr<library> loaded) noexcept : library_(std::move(loaded)) {}
  std::shared_ptr<library> library_;
};

}  // namespace sluice::inline v0::pkcs11
