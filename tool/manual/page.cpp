// SPDX-License-Identifier: Apache-2.0
#include "manual/page.hpp"

#include "terminal/exit_meanings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace sluice::tool {
namespace {

// The code point that begins there; `at` moves to the next.
char32_t code_point(const std::string& text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  char32_t made = first < 0xe0 ? first & 0x1f : first < 0xf0 ? first & 0x0f : first & 0x07;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
    made = made << 6 | (static_cast<unsigned char>(text[at++]) & 0x3f);
  return made;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

// A line of input at most 78 columns long, as roff's readers like it.
std::string paragraph(const std::string& text) {
  std::string made;
  std::string line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > 78) made += roff(std::exchange(line, {})) + "\n";
    line += (line.empty() ? "" : " ") + word;
  }
  return made + roff(line) + "\n";
}

std::string value_of(const parameter& p) { return p.choices().empty() ? italic(p.value) : bold(p.value); }

std::string synopsis(const command& one) {
  auto made = bold(one.joined(' '));
  if (one.options.size() > 1) made += " [\\fIOPTIONS\\fR]";
  if (!one.below.empty()) made += " \\fIVERB\\fR ...";
  for (const auto& p : one.options)
    if (p.is_required) made += fmt::format(" {} {}", bold(p.names.back()), value_of(p));
  for (const auto& p : one.arguments) {
    const auto word = value_of(p) + (p.may_repeat ? "..." : "");
    made += p.is_required ? " " + word : " [" + word + "]";
  }
  return made + "\n";
}

std::string tagged(const std::string& tag, const std::string& text) { return ".TP\n" + tag + "\n" + paragraph(text); }

std::string tagged(const parameter& p) {
  std::string tag;
  for (const auto& name : p.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (!p.value.empty()) tag += (tag.empty() ? "" : " ") + value_of(p);
  auto about = p.about;
  if (!about.ends_with('.')) about += '.';
  if (p.is_required) about += " Required.";
  if (!p.default_value.empty()) about += " Default: " + p.default_value + ".";
  if (p.may_repeat && !p.names.empty() && p.about.find("several") == p.about.npos)
    about += " May be given several times.";
  return tagged(tag, about);
}

struct variable {
  std::string_view name, meaning;
};

constexpr std::array variables = {
    variable{"SLUICE_PIN", "The token's PIN, where neither --pin-file nor the URI's pin-source gives it"},
    variable{"SLUICE_PASSWORD", "The password of an encrypted key or PKCS#12 file, where --password-file does not"},
    variable{"SSLKEYLOGFILE", "Where the secrets of sessions are appended, for Wireshark, without --keylog"},
    variable{"SLUICE_LAB_PYTHON", "A Python that has tlslite-ng, for the lab's old versions and ciphers"},
    variable{"SSL_CERT_FILE, SSL_CERT_DIR", "Authorities to trust instead of the system's, without --ca"},
    variable{"XDG_CACHE_HOME", "Where the lab keeps the large keys that it made, in a folder of its own"},
    variable{"NO_COLOR", "Where it is set and not empty, nothing is in colour"},
    variable{"LC_ALL, LC_CTYPE, LANG", "A character set other than UTF-8 means that only ASCII is written"},
    variable{"COLUMNS", "How wide the terminal is, if it does not report it"},
};

// The end of every page of the program. The program's own page has more of it.
std::string common_end(const command& one, const command& program) {
  std::string made = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_meanings)
    made += tagged(bold(std::to_string(code)), std::string(meaning) + ".");
  if (&one == &program) {
    made += ".SH ENVIRONMENT\n";
    for (const auto& [name, meaning] : variables) made += tagged(bold(std::string(name)), std::string(meaning) + ".");
    made += ".SH FILES\n" + tagged(italic("share/sluice/schema"), "JSON Schemas of what the verbs answer with --json.");
  }
  made += ".SH SEE ALSO\n";
  std::string list;
  const auto refer = [&list](const command& to) {
    list += (list.empty() ? "" : ",\n") + std::string(".BR ") + roff(to.joined('-')) + " (1)";
  };
  if (&one != &program) refer(program);
  for (const auto& below : one.below) refer(below);
  for (const auto& sibling : program.below) {
    const bool is_parent = one.path.size() > 2 && sibling.name() == one.path[1];
    if (is_parent) refer(sibling);
  }
  // A comma belongs to the line of its reference, behind the section.
  for (std::size_t at = 0; (at = list.find(" (1),\n", at)) != list.npos;) list.replace(at, 6, " (1) ,\n");
  return made + list + "\n";
}

}  // namespace

std::string roff(const std::string& text) {
  std::string made;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = code_point(text, at);
    switch (c) {
      case '\\': made += "\\e"; break;
      case '-': made += "\\-"; break;
      case '\'': made += "\\(aq"; break;
      case '`': made += "\\(ga"; break;
      case '^': made += "\\(ha"; break;
      case '~': made += "\\(ti"; break;
      case '"': made += "\\(dq"; break;
      case '.': made += made.empty() || made.back() == '\n' ? "\\&." : "."; break;
      default:
        made += c < 0x80 ? std::string(1, static_cast<char>(c)) : fmt::format("\\[u{:04X}]", static_cast<unsigned>(c));
    }
  }
  return made;
}

std::string manual_page(const command& one, const command& program, const std::string& version,
                        const std::string& date) {
  auto title = one.joined('-');
  std::ranges::transform(title, title.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  auto made = fmt::format(
      ".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" Made from the definitions behind {} --help.\n"
      ".TH {} 1 {} \"sluice {}\" \"User Commands\"\n",
      one.joined(' '), roff(title), date, version);
  made += ".SH NAME\n" + roff(one.joined('-')) + " \\- " + paragraph(one.about);
  made += ".SH SYNOPSIS\n" + synopsis(one);
  if (!one.below.empty()) {
    made += ".SH VERBS\n";
    for (const auto& below : one.below) made += tagged(bold(below.name()), below.about + ".");
  }
  if (!one.arguments.empty()) {
    made += ".SH ARGUMENTS\n";
    for (const auto& p : one.arguments) made += tagged(p);
  }
  made += ".SH OPTIONS\n";
  for (const auto& p : one.options) made += tagged(p);
  if (!one.examples.empty()) made += ".SH EXAMPLES\n.EX\n" + roff(one.examples) + "\n.EE\n";
  return made + common_end(one, program);
}

}  // namespace sluice::tool
