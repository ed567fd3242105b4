// SPDX-License-Identifier: Apache-2.0
#include "support/simulated_pool.hpp"

#include "support/faulty.hpp"

namespace sluice::test {

simulated_pool::simulated_pool(simulated_runtime& world, simulated_module& module, const pkcs11::pool_options& options,
                               pkcs11::initialization mode, std::size_t token)
    : world_(world) {
  auto lib = pkcs11::library::over(module.core(), {.initialization = mode, .reserved = {}}).value();
  const auto pin = [](const pkcs11::pin_request&) -> result<secret> { return secret(std::string_view("1234")); };
  pool_ = pkcs11::token_pool::open(std::move(lib), module.token(token), pin, options).value();
  record_->search = {.type = CKO_PRIVATE_KEY, .label = "site", .id = {}};
  record_->name = "site";
  record_->kind = {.type = CKK_ECDSA, .order_size = 0};
}

std::shared_ptr<const simulated_pool::answer> simulated_pool::ask(duration timeout, signature_scheme scheme) {
  auto mine = std::make_shared<answer>();
  asked_.push_back(mine);
  const auto request = request_for(scheme);
  pkcs11::job work;
  work.key = record_;
  work.what = static_cast<int>(scheme);
  work.work = [request](const pkcs11::signing_context& v) {
    return v.s.sign(v.key, v.record.kind, request, v.authenticate);
  };
  work.done = [this, mine](const result<pkcs11::der::bytes>& outcome) {
    ++mine->times;
    mine->at = world_.now();
    if (outcome) {
      last_good_ = world_.now();
    } else {
      mine->error = outcome.error();
    }
  };
  work.deadline = world_.now() + timeout;
  pool_->submit(std::move(work));
  return mine;
}

simulated_pool::answer simulated_pool::sign(duration timeout) {
  const auto mine = ask(timeout);
  world_.run_until([&] { return mine->times > 0; }, std::chrono::hours(1));
  return *mine;
}

}  // namespace sluice::test
