// SPDX-License-Identifier: Apache-2.0
#include "client/proxy.hpp"

#include "terminal/failure.hpp"

#include "sluice/password.hpp"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

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

}  // namespace

proxy_place parse_proxy(std::string_view text, const std::string& password_file) {
  proxy_place made;
  const auto scheme_end = text.find("://");
  const auto scheme = text.substr(0, scheme_end == text.npos ? 0 : scheme_end);
  if (scheme == "socks5") {
    made.protocol = proxy_protocol::socks5;
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
  return made;
}

std::uint16_t port_number(const std::string& port) {
  std::uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  return read.ec == std::errc() && read.ptr == port.data() + port.size() ? number : std::uint16_t{0};
}

result<std::shared_ptr<prelude>> through_proxy(const proxy_place& proxy, const target& to,
                                               std::shared_ptr<prelude> then) {
  proxy_options options{
      .protocol = proxy.protocol,
      .host = to.host,
      .port = port_number(to.port),
      .user = proxy.user,
      .password = proxy.password ? proxy.password->clone() : secret(),
      .then = std::move(then),
      .authentication_remedy = "write USER@ before its host, with the password in a file: --proxy-password-file"};
  auto made = proxy_connect(std::move(options));
  if (!made && made.error().code == errc::invalid_argument) bad_proxy(made.error().detail);
  return made;
}

}  // namespace sluice::tool
