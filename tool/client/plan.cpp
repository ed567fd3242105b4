// SPDX-License-Identifier: Apache-2.0
#include "client/plan.hpp"

#include "terminal/failure.hpp"

#include "sluice/dangerous.hpp"

#include <algorithm>
#include <utility>

namespace sluice::tool {
namespace {

context make_context(const client_verb_options& options, std::shared_ptr<session_store> sessions) {
  auto made = options.tls.for_client();
  // To require a protocol is to offer it.
  if (!options.needs_alpn.empty() && std::ranges::find(made.alpn, options.needs_alpn) == made.alpn.end()) {
    made.alpn.push_back(options.needs_alpn);
  }
  if (options.is_insecure) made.verify = dangerous::accept_any_certificate();
  made.sessions = std::move(sessions);
  made.record_transcript = true;
  made.observer = options.watch.watch(stderr, options.tls.json);
  return context::client(made).value();
}

requirements required_by(const client_verb_options& options) {
  requirements made{.tls13 = options.needs_tls13,
                    .post_quantum = options.needs_post_quantum,
                    .ocsp = options.needs_ocsp,
                    .alpn = options.needs_alpn,
                    .min_validity = std::nullopt};
  if (!options.fail_under.empty()) made.min_validity = parse_duration(options.fail_under, "--fail-under");
  return made;
}

}  // namespace

client_plan make_plan(const client_verb_options& options, std::shared_ptr<session_store> sessions) {
  route way(options.way, options.address);
  const auto timeout = options.tls.time_limit();
  auto required = required_by(options);
  return {.to = way.to(),
          .way = way,
          .tls = make_context(options, std::move(sessions)),
          .server_name = options.server_name.empty() ? way.to().host : options.server_name,
          .timeout = timeout,
          .address = way.address(),
          .is_verified = !options.is_insecure,
          .required = std::move(required),
          .chain_file = options.save_chain};
}

connection_report unplanned_report(const client_verb_options& options, failure error) {
  connection_report r;
  r.to.host = options.address;
  r.server_name = options.server_name.empty() ? options.address : options.server_name;
  r.is_verified = !options.is_insecure;
  r.error = std::move(error);
  return r;
}

connection_report interrupted_report(const client_plan& plan) {
  connection_report r;
  r.to = plan.to;
  r.server_name = plan.server_name;
  r.error = make_failure(errc::cancelled, plan.to.text());
  return r;
}

}  // namespace sluice::tool
