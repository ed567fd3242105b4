// SPDX-License-Identifier: Apache-2.0
// What usually helps, by cause: the remedy of failures about which nothing better is known.
#include "core/base/failure.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace sluice {
inline namespace v0 {
namespace {

struct remedy_row {
  errc cause;
  std::string_view remedy;
};

constexpr std::array remedies = {
    remedy_row{errc::name_not_found, "check the spelling of the name"},
    remedy_row{errc::resolver_failed, "see whether this machine's name servers answer"},
    remedy_row{errc::connection_refused, "see whether a server listens on that address and port"},
    remedy_row{errc::unreachable, "check the address and this machine's routes"},
    remedy_row{errc::timed_out, "see whether the peer answers others, or allow more time"},
    remedy_row{errc::connection_closed, "see the peer's log: it hung up without saying why"},
    remedy_row{errc::connection_reset, "see the peer's log: it hung up without saying why"},
    remedy_row{errc::alert, "the peer refused; its log says why"},
    remedy_row{errc::protocol_error, "see whether that port speaks TLS at all"},
    remedy_row{errc::no_shared_parameters, "compare what both ends offer"},
    remedy_row{errc::certificate_malformed, "have it issued anew"},
    remedy_row{errc::chain_too_long, "have the peer send fewer certificates, or allow more with max_chain"},
    remedy_row{errc::revoked, "have the peer use another: its authority has withdrawn this one"},
    remedy_row{errc::revocation_unknown, "see whether the certificate's authority knows it at all"},
    remedy_row{errc::ocsp_invalid, "have the peer fetch a fresh OCSP response, for the certificate that it serves"},
    remedy_row{errc::self_signed, "trust it by name if you know it"},
    remedy_row{errc::file_not_found, "check the path and its permissions"},
    remedy_row{errc::file_unreadable, "check the path and its permissions"},
    remedy_row{errc::in_use, "choose another, or end what uses it"},
    remedy_row{errc::bad_name, "write the name in ASCII (A-labels, xn--…), or an IP address"},
};

}  // namespace

std::string_view usual_remedy(errc cause) noexcept {
  const auto row = std::ranges::find(remedies, cause, &remedy_row::cause);
  return row != remedies.end() ? row->remedy : std::string_view();
}

namespace internal {

failure with_usual_remedy(failure error) {
  if (error.remedy.empty()) error.remedy = usual_remedy(cause_of(error.code));
  return error;
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
