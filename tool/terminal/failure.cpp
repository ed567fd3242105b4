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
  replace(remedy, "trust it by name if you know it", "trust it with --ca FILE if you know it");
  replace(remedy, "others, or allow more time", "others, or allow more time with --timeout");
  replace(remedy, "set client_options.alpn", "add --alpn NAMES");
  replace(remedy, "compare with what the server supports",
          "`sluice policy for HOST` shows what the server supports; --min-tls 1.0 allows older ones");
  replace(remedy, "compare with what the client supports",
          "`sluice policy show` says what is offered; --min-tls 1.0 or another --policy allows more");
  replace(remedy, "try a policy without, 20240501", "try --policy 20240501");
  return remedy;
}

}  // namespace

std::string remedy_for(const failure& error) {
  return in_flags(error.remedy.empty() ? std::string(usual_remedy(cause_of(error.code))) : error.remedy);
}

void complain(const failure& error) {
  auto reported = error;
  reported.remedy = remedy_for(error);
  screen(stderr).line("sluice: " + reported.message());
}

}  // namespace sluice::tool
