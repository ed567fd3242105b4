// SPDX-License-Identifier: Apache-2.0
#include "arguments/declaration.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace sluice::tool {

option& option::type_name(const std::string& value) {
  it_->type_name(value);
  return *this;
}

option& option::required() {
  it_->required();
  return *this;
}

option& option::capture_default_str() {
  it_->capture_default_str();
  return *this;
}

option& option::range(int least, int greatest) {
  it_->check(CLI::Range(least, greatest));
  return *this;
}

option& option::allow_extra_args(bool allowed) {
  it_->allow_extra_args(allowed);
  return *this;
}

option& option::needs(const std::string& name) {
  it_->needs(name);
  return *this;
}

option& option::excludes(const std::string& name) {
  it_->excludes(name);
  return *this;
}

template <class Value>
option declaration::add_option(const std::string& name, Value& variable, const std::string& about) {
  return option(*app_->add_option(name, variable, about));
}

option declaration::add_flag(const std::string& name, bool& variable, const std::string& about) {
  return option(*app_->add_flag(name, variable, about));
}

template option declaration::add_option(const std::string&, std::string&, const std::string&);
template option declaration::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template option declaration::add_option(const std::string&, std::vector<std::string>&, const std::string&);
template option declaration::add_option(const std::string&, std::uint16_t&, const std::string&);
template option declaration::add_option(const std::string&, std::uint32_t&, const std::string&);
template option declaration::add_option(const std::string&, std::size_t&, const std::string&);

}  // namespace sluice::tool
