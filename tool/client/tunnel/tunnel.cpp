// SPDX-License-Identifier: Apache-2.0
#include "client/tunnel/tunnel.hpp"

#include "terminal/failure.hpp"

#include "sluice/password.hpp"

#include <cstdlib>
#include <optional>

namespace sluice::tool {
namespace {

constexpr auto password_variable = "SLUICE_PROXY_PASSWORD";
constexpr auto expected = "write http://HOST:PORT or socks5://HOST:PORT, with USER@ before HOST where it wants one";

[[noreturn]] void bad_proxy(const std::string& detail, const std::string& remedy = expected) {
  give_up(errc::invalid_argument, "--proxy", detail, remedy);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1.
std::string percent_decoded(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      made += text[i];
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) bad_proxy("a % in the user's name is not followed by two hexadecimal digits");
    made += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return made;
}

std::shared_ptr<const secret> load_password(const std::string& file) {
  if (!file.empty()) return std::make_shared<const secret>(secret::from_file(file).value());
  if (std::getenv(password_variable) != nullptr)
    return std::make_shared<const secret>(password_from_environment(password_variable)({}).value());
  bad_proxy("there is a user, and no password",
            std::string("give --proxy-password-file FILE, or set ") + password_variable);
}

void check_size(const proxy_place& proxy) {
  // RFC 1929 §2 has one byte for each length; RFC 7617 §2 ends the user's name at the colon.
  const bool fits = proxy.user.size() <= 255 && !proxy.password->empty() && proxy.password->size() <= 255;
  if (proxy.speaks == proxy_place::kind::socks5 && !fits) bad_proxy("user and password take 1 to 255 bytes each");
  if (proxy.speaks == proxy_place::kind::http && proxy.user.find(':') != proxy.user.npos)
    bad_proxy("the user's name has a colon in it, which Basic authentication cannot say");
}

}  // namespace

proxy_place parse_proxy(std::string_view text, const std::string& password_file) {
  proxy_place made;
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end == text.npos ? 0 : scheme_end);
  if (scheme == "socks5") {
    made.speaks = proxy_place::kind::socks5;
  } else if (scheme != "http") {
    bad_proxy("\"" + std::string(text.substr(text.rfind('@') + 1)) + "\" is not a proxy it knows");
  }
  auto rest = text.substr(scheme_end + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::optional<std::string_view> user;
  if (const auto at = rest.rfind('@'); at != rest.npos) {
    user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  made.at = parse_target(rest, "");
  if (made.at.port.empty()) bad_proxy("\"" + std::string(rest) + "\" has no port");
  if (!user) {
    if (!password_file.empty()) {
      give_up(errc::invalid_argument, "--proxy-password-file",
              "the proxy in --proxy has no user, so nobody would be given it", "write USER@ before the proxy's host");
    }
    return made;
  }
  if (user->find(':') != user->npos) {
    bad_proxy("there is a password in it, which every user of this machine can read",
              std::string("take it out, and give --proxy-password-file FILE, or set ") + password_variable);
  }
  made.user = percent_decoded(*user);
  if (made.user.empty()) bad_proxy("there is no user before the @");
  made.password = load_password(password_file);
  check_size(made);
  return made;
}

}  // namespace sluice::tool
