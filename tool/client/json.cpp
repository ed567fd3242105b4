// SPDX-License-Identifier: Apache-2.0
#include "client/json.hpp"

namespace sluice::tool {
namespace {

// How the server was reached, where that was not straight over TCP.
json::object describe_way(const connection_report& r) {
  return {{"starttls", text_or_null(r.starttls)},
          {"proxy", text_or_null(r.proxy)},
          {"unix", text_or_null(r.to.path)},
          {"prelude_ms", milliseconds(r.prelude)}};
}

}  // namespace

json::object describe_timings(const connection_report& r) {
  return {{"resolve", milliseconds(r.timings.resolve)},
          {"connect", milliseconds(r.timings.connect)},
          {"handshake", milliseconds(r.timings.handshake)},
          {"sign", milliseconds(r.timings.signing)},
          {"total", milliseconds(r.total)}};
}

json::object describe(const connection_report& r) {
  const auto address = r.address ? to_text(*r.address) : std::string();
  json::object made{{"schema", 1},
                    {"ok", r.is_good()},
                    {"peer", {{"address", text_or_null(address)}, {"server_name", text_or_null(r.server_name)}}},
                    {"tls", describe_tls(r.info, r.policy, r.ocsp())},
                    {"certificates", describe(r.chain)},
                    {"timing_ms", describe_timings(r)},
                    {"error", describe(r.error)}};
  if (r.is_certificate_unjudged) made["client_certificate_judged"] = false;
  if (!r.starttls.empty() || !r.proxy.empty() || !r.to.path.empty()) made["via"] = describe_way(r);
  return made;
}

}  // namespace sluice::tool
