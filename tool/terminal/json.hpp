// SPDX-License-Identifier: Apache-2.0
// JSON as the command line writes it, and what verbs have in common in it.
#pragma once

#include "sluice/certificate.hpp"
#include "sluice/connection.hpp"
#include "sluice/statistics.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::tool {

namespace json = boost::json;

// One line, keys in the order they were put in, fractions with three digits. Always valid UTF-8 (RFC 8259 §8.1), and
// nothing in it moves a cursor: bytes that are not UTF-8 are \xff in the text, and what sluice::printable() escapes is
// \u202e in JSON's own way, so that a parser gets the value as it is.
std::string to_text(const json::value& value);

double milliseconds(std::chrono::nanoseconds time);
json::value text_or_null(const std::string& text);  // null for an empty text

json::object describe(const certificate& one);
json::value describe(std::span<const certificate> chain);   // null when empty
json::value describe(const std::optional<failure>& error);  // null when there is none
// All keys always; null for what a handshake that failed never agreed on.
json::object describe_tls(const std::optional<connection_info>& info, const std::string& policy, std::string_view ocsp);
json::object describe(const traffic& one_way);
json::object describe(const connection_statistics& counted);  // of `connect --json`

}  // namespace sluice::tool
