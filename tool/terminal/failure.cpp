// SPDX-License-Identifier: Apache-2.0
#include "terminal/failure.hpp"

#include "terminal/screen.hpp"

#include "sluice/printable.hpp"

#include <cstdio>
#include <string_view>

namespace sluice::tool {

void give_up(errc cause, const std::string& where, const std::string& detail, const std::string& remedy) {
  throw error(make_failure(cause, where, detail, remedy));
}

namespace {

void replace(std::string& in, std::string_view what, std::string_view with) {
  if (const auto at = in.find(what); at != in.npos) in.replace(at, what.size(), with);
}

// The library speaks of its options, the command line of flags, where there is one.
std::string in_flags(std::string remedy) {
  if (const auto at = remedy.find(" (or set allowances::"); at != remedy.npos)
    remedy.erase(at, remedy.find(')', at) + 1 - at);
  replace(remedy, "client_auth::optional", "--client-auth optional");
  replace(remedy, "max_chain", "--max-chain");
  replace(remedy, "set client_options.alpn", "add --alpn NAMES");
  replace(remedy, "compare with what the server supports",
          "`sluice policy for HOST` shows what the server supports; --min-tls 1.0 allows older ones");
  replace(remedy, "compare with what the client supports",
          "`sluice policy show` says what is offered; --min-tls 1.0 or another --policy allows more");
  replace(remedy, "try a policy without, 20240501", "try --policy 20240501");
  return remedy;
}

}  // namespace

std::string remedy_for(const failure& why) {
  if (!why.remedy.empty()) return in_flags(why.remedy);
  switch (cause_of(why.code)) {
    case errc::name_not_found: return "check the spelling of the name";
    case errc::resolver_failed: return "see whether this machine's name servers answer";
    case errc::connection_refused: return "see whether a server listens on that address and port";
    case errc::unreachable: return "check the address and this machine's routes";
    case errc::timed_out: return "see whether the peer answers others, or allow more time with --timeout";
    case errc::connection_closed:
    case errc::connection_reset: return "see the peer's log: it hung up without saying why";
    case errc::alert: return "the peer refused; its log says why";
    case errc::protocol_error: return "see whether that port speaks TLS at all";
    case errc::no_shared_parameters: return "compare what both ends offer";
    case errc::certificate_malformed: return "have it issued anew";
    case errc::chain_too_long: return "have the peer send fewer certificates, or allow more with --max-chain";
    case errc::revoked: return "have the peer use another: its authority has withdrawn this one";
    case errc::revocation_unknown: return "see whether the certificate's authority knows it at all";
    case errc::ocsp_invalid: return "have the peer fetch a fresh OCSP response, for the certificate that it serves";
    case errc::self_signed: return "trust it with --ca FILE if you know it";
    case errc::file_not_found:
    case errc::file_unreadable: return "check the path and its permissions";
    case errc::in_use: return "choose another, or end what uses it";
    case errc::bad_name: return "write the name in ASCII (A-labels, xn--…), or an IP address";
    default: return {};
  }
}

void complain(const failure& why) {
  auto told = why;
  told.remedy = remedy_for(why);
  screen(stderr).line("sluice: " + told.message());
}

}  // namespace sluice::tool
