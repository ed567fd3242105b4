// SPDX-License-Identifier: Apache-2.0
// Escapes text from outside (a peer, a token, a file) for logs and terminals.
#pragma once

#include <string>
#include <string_view>

namespace sluice {
inline namespace v0 {

// Returns the text as one line of valid UTF-8 that contains no control sequence and no invisible character. ASCII
// control characters and bytes that are not UTF-8 are written as \x1b, byte by byte. C1 controls (U+0080 to U+009F),
// marks that change the direction of text, line and paragraph separators, and characters that are invisible by
// definition are written as \u202e. All else, a backslash included, is unchanged, so that escaping the result again has
// no effect. failure::message() escapes its whole text. The values of the API, such as certificate::subject() and
// connection_info::alpn, are not escaped: a program that displays them does it.
std::string printable(std::string_view text);

// Writes bytes that are not UTF-8 (RFC 3629) as \xff and changes nothing else: for formats such as JSON (RFC 8259
// §8.1), which have their own escapes for the rest.
std::string valid_utf8(std::string_view text);

}  // namespace v0
}  // namespace sluice
