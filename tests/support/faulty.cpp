// SPDX-License-Identifier: Apache-2.0
#include "support/faulty.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::test {
namespace {

#ifdef __SANITIZE_ADDRESS__
// What a module has not freed when it is unmapped can no longer be told to be the module's: lsan.supp goes by names.
const bool modules_stay_mapped = [] {
  for (const auto& path : {testkit::softhsm_module().value(), faulty_token::module_path()}) {
    ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  }
  return true;
}();
#endif

std::string script_path() { return (testkit::softhsm_home().path() / "script.toml").string(); }

}  // namespace

std::string faulty_token::module_path() { return SLUICE_FAULTY_MODULE; }

faulty_token::faulty_token(const std::string& target) {
  ::setenv("SLUICE_FAULTY_TARGET", (target.empty() ? testkit::softhsm_module().value() : target).c_str(), 1);
  ::setenv("SLUICE_FAULTY_SCRIPT", script_path().c_str(), 1);
  behave();
  // Through the faulty module from the start: it alone has initialised SoftHSM, and may do so again.
  real_ = testkit::scratch_token::make("faulty", module_path()).value();
}

// By renaming: the module never sees half a script.
void faulty_token::script(const std::string& toml) const {
  const auto written = testkit::softhsm_home().write("script.new", toml);
  std::rename(written.c_str(), script_path().c_str());
}

std::string faulty_token::uri(const std::string& object, const std::string& pin_file) const {
  pkcs11::uri u;
  u.token = real_->label();
  if (!object.empty()) u.object = object;
  u.module_path = module_path();
  u.pin_source = "file:" + (pin_file.empty() ? real_->pin_file() : pin_file);
  return u.to_string();
}

std::string faulty_token::generate(const std::string& label, pkcs11::key_type type, char id) const {
  const auto byte = std::byte(id);
  return real_->admin().value().generate_key(type, label, {&byte, 1}).value();
}

std::shared_ptr<pkcs11::key> faulty_token::open(const std::string& label, const pkcs11::key_options& options) const {
  return pkcs11::open_key(uri(label), options).value();
}

std::uint64_t faulty_token::open_sessions() const {
  for (const auto& t : pkcs11::module::load(module_path()).value().tokens().value()) {
    if (t.label == real_->label()) return t.open_sessions;
  }
  return 999;
}

sign_request request_for(signature_scheme scheme) {
  sign_request request;
  request.scheme = scheme;
  request.input_size = static_cast<std::uint8_t>(digest_size(digest_of(scheme)));
  for (std::size_t i = 0; i < request.input_size; ++i) request.input[i] = std::byte(i + 1);
  return request;
}

}  // namespace sluice::test
