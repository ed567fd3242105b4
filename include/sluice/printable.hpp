// SPDX-License-Identifier: Apache-2.0
// Text that somebody else wrote, made fit for a log or a terminal.
#pragma once

#include <string>
#include <string_view>

namespace sluice::inline v0 {

// What a peer, a token or a file wrote, in one line of valid UTF-8 that moves no cursor and hides nothing. Written as
// \x1b are the control characters of ASCII and whatever is not UTF-8, a byte each; as \u202e are the controls of C1
// (U+0080 to U+009F), the marks that change the direction of text, the separators of lines and paragraphs, and
// characters that are invisible by definition. Everything else, a backslash included, stays as it is: the result does
// not change when it is escaped again. failure::message() does this to all that it says; the values of the API, such
// as certificate::subject() and connection_info::alpn, are as they were sent, and whoever shows them escapes them.
std::string printable(std::string_view text);

// Only what is not UTF-8 (RFC 3629), a byte each, is written as \xff: for JSON (RFC 8259 §8.1) and its kind, which have
// escapes of their own for the rest.
std::string valid_utf8(std::string_view text);

}  // namespace sluice::inline v0
