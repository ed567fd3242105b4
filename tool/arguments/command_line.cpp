// SPDX-License-Identifier: Apache-2.0
#include "arguments/command_line.hpp"

#include "arguments/help.hpp"
#include "terminal/exit_code.hpp"
#include "terminal/screen.hpp"

#include "sluice/printable.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <sstream>

namespace sluice::tool {
namespace {

parameter describe(const CLI::Option& one) {
  parameter made{.about = one.get_description(), .default_value = one.get_default_str()};
  for (const auto& name : one.get_snames()) made.names.push_back("-" + name);
  for (const auto& name : one.get_lnames()) made.names.push_back("--" + name);
  // After a colon CLI11 describes what a check allows, in its own words.
  if (one.get_items_expected_max() > 0) made.value = one.get_type_name().substr(0, one.get_type_name().find(':'));
  if (one.get_positional() && made.value.empty()) made.value = one.get_name(true);
  made.is_required = one.get_required();
  made.may_repeat = one.get_items_expected_max() > 1;
  return made;
}

std::string examples_of(const CLI::App& app) {
  constexpr std::string_view heading = "Example:\n";
  const auto text = app.get_footer();
  if (!text.starts_with(heading)) return {};
  std::istringstream lines(text.substr(heading.size(), text.find("\n\n") - heading.size()));
  std::string made;
  for (std::string line; std::getline(lines, line);)
    made += (made.empty() ? "" : "\n") + line.substr(std::min(line.find_first_not_of(' '), line.size()));
  return made;
}

void describe_into(command& made, const CLI::App& app) {
  made.path.push_back(app.get_name());
  made.about = app.get_description();
  made.examples = examples_of(app);
  for (const auto* one : app.get_options()) {
    (one->get_positional() ? made.arguments : made.options).push_back(describe(*one));
  }
  for (const auto* sub : app.get_subcommands([](const CLI::App* one) { return !one->get_name().empty(); })) {
    command below{.path = made.path};
    describe_into(below, *sub);
    made.below.push_back(std::move(below));
  }
}

command describe(const CLI::App& app) {
  command made;
  for (const auto* above = app.get_parent(); above != nullptr; above = above->get_parent())
    made.path.insert(made.path.begin(), above->get_name());
  describe_into(made, app);
  return made;
}

std::string help_of(const CLI::App* app, const std::string&, CLI::AppFormatMode) {
  const auto described = describe(*app);
  const auto more = described.below.empty() ? std::string() : "`" + described.joined(' ') + " VERB --help` has more.";
  return help_text(described, screen(stdout), more);
}

// Declares everything; the action is for after parsing.
action declare(const program& p, CLI::App& app) {
  app.description(p.about);
  app.set_version_flag("--version", p.version, "Versions of everything inside");
  app.footer("Example:\n" + p.example);
  app.formatter_fn(help_of);
  declaration declared(app);
  return declare_subverbs(declared, p.verbs);
}

action printing(std::string text) {
  return [text = std::move(text)] {
    screen(stdout).lines(text);
    return static_cast<int>(exit_ok);
  };
}

// CLI11 has its own idea of exit codes, and several sentences; here it is 1, and one.
action refusing(const CLI::App& app, const CLI::ParseError& error) {
  auto path = app.get_name();
  const auto* innermost = &app;
  for (auto subs = app.get_subcommands(); !subs.empty(); subs = subs.front()->get_subcommands()) {
    innermost = subs.front();
    path += " " + innermost->get_name();
  }
  std::string text = error.what();
  // CLI11 reports that a verb is missing, also where one is misspelt.
  if (const auto rest = innermost->remaining(); !rest.empty() && innermost->get_require_subcommand_min() > 0)
    text = fmt::format("\"{}\" is not {}", printable(rest.front()),
                       rest.front().starts_with('-') ? "an option" : "a verb");
  if (const auto end = text.find('\n'); end != text.npos) text.resize(end);
  while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
  return [sentence = fmt::format("{}: {}; see `{} --help`", path, text, path)] {
    screen(stderr).line(sentence);
    return static_cast<int>(exit_usage);
  };
}

}  // namespace

action declare_subverbs(declaration& app, std::span<const verb> below) {
  app.parser().require_subcommand(1);
  auto chosen = std::make_shared<action>();
  for (const auto& v : below) {
    auto* sub = app.parser().add_subcommand(std::string(v.name), std::string(v.summary));
    sub->footer("Example:\n" + std::string(v.example));
    declaration declared(*sub);
    sub->callback([chosen, todo = v.declare(declared)] { *chosen = todo; });
  }
  return [chosen] { return (*chosen)(); };
}

action parse_command_line(const program& p, int argc, const char* const* argv) {
  CLI::App app("", p.name);
  auto chosen = declare(p, app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return printing(app.help());
  } catch (const CLI::Success& asked) {  // --version
    return printing(asked.what());
  } catch (const CLI::ParseError& error) {
    return refusing(app, error);
  }
  return chosen;
}

command definition_of(const program& p) {
  CLI::App app("", p.name);
  declare(p, app);
  return describe(app);
}

}  // namespace sluice::tool
