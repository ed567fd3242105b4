// SPDX-License-Identifier: Apache-2.0
#include "core/x509/pem.hpp"

#include "core/base/error_tables.hpp"
#include "core/base/handles.hpp"
#include "core/base/narrow.hpp"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>

#include <boost/system/errc.hpp>

#include <algorithm>

namespace sluice {
inline namespace v0 {
namespace internal {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view end_mark = "-----END ";
constexpr std::string_view mark_end = "-----";

bool is_certificate_label(std::string_view label) {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE";
}

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// What is wrong with a line that should begin or end an object and does not.
enum class oddity : std::uint8_t { none, damaged, joined, escaped, flattened, indented, marked };

struct outline {
  std::vector<std::string_view> labels;  // of every object, in order: "CERTIFICATE", "EC PRIVATE KEY"
  std::size_t odd_line = 0;              // the first such line, from 1
  oddity odd = oddity::none;
};

// "----BEGIN CERTIFICATE-----", "  -----END CERTIFICATE-----": lines that were marks once.
bool is_like_a_mark(std::string_view line) {
  const auto word = line.find_first_not_of("- \t\xef\xbb\xbf");  // a byte order mark, too
  if (word == line.npos || line.substr(0, word).find('-') == line.npos || !line.ends_with('-')) return false;
  return line.substr(word).starts_with("BEGIN ") || line.substr(word).starts_with("END ");
}

// Lines whose marks are whole, and not where they have to be.
oddity misplaced_mark(std::string_view line) {
  const auto begin = line.find(begin_mark), end = line.find(end_mark);
  const auto first = std::min(begin, end);
  if (first == line.npos) return oddity::none;
  // JSON and environment variables: "-----BEGIN CERTIFICATE-----\nMIIB…".
  if (line.find("-----\\n") != line.npos || line.find("-----\\r\\n") != line.npos) return oddity::escaped;
  if (end != line.npos && line.find(begin_mark, end + 1) != line.npos) return oddity::joined;
  if (begin != line.npos && line.find(end_mark, begin + 1) != line.npos) return oddity::flattened;
  const auto before = line.substr(0, first);
  if (before.empty()) return oddity::none;
  const bool is_at_end = line.ends_with(mark_end) && !line.ends_with("------");
  if (is_at_end && before == byte_order_mark) return oddity::marked;
  if (is_at_end && before.find_first_not_of(" \t") == before.npos) return oddity::indented;
  return oddity::none;
}

// Objects are found as AWS-LC finds them, by whole lines. It passes over what it does not know as a mark: a chain
// would lose a certificate in silence, so marks that are damaged and ends without a beginning are found here.
outline outline_of(std::string_view text) {
  outline found;
  bool is_inside = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
    const bool is_whole = line.ends_with(mark_end) && !line.ends_with("------");
    auto odd = misplaced_mark(line);
    if (odd == oddity::none && line.starts_with(begin_mark) && is_whole) {
      is_inside = true;
      line.remove_prefix(begin_mark.size());
      found.labels.push_back(line.substr(0, line.size() - std::min(line.size(), mark_end.size())));
    } else if (odd == oddity::none && line.starts_with(end_mark) && is_whole && is_inside) {
      is_inside = false;
    } else if (odd == oddity::none && (is_like_a_mark(line) || line.starts_with(begin_mark))) {
      odd = oddity::damaged;
    }
    // The first odd line is the one that is reported: those that follow are often its consequence.
    if (odd != oddity::none && found.odd == oddity::none) {
      found.odd = odd;
      found.odd_line = number;
    }
  }
  return found;
}

failure odd_line(const outline& text, std::string_view where) {
  const auto line = "line " + std::to_string(text.odd_line);
  const auto named = [&](std::string detail, const std::string& remedy) {
    return make_failure(errc::bad_pem, where, line + std::move(detail), remedy);
  };
  switch (text.odd) {
    case oddity::joined:
      return named(" ends one object and begins the next: a line break is missing between them",
                   "put one there; `cat` joins files that do not end with one");
    case oddity::escaped:
      return named(" has its line breaks written as \\n", "write real ones: `printf '%b' \"$TEXT\"` does");
    case oddity::flattened:
      return named(" holds a whole object: its line breaks are lost", "copy the original, as a file");
    case oddity::indented: return named(" is indented, where an object begins or ends", "remove the blanks before it");
    case oddity::marked:
      return named(" begins with a byte order mark", "remove it: `sed -i 's/\\xef\\xbb\\xbf//' FILE`");
    case oddity::none:
    case oddity::damaged: break;
  }
  return named(" should begin or end an object, and is damaged", "");
}

// OpenSSL's own form with settings behind the certificate (what it may be trusted for), which would be lost.
bool has_trust_settings(const pem_object& object) {
  if (object.label != "TRUSTED CERTIFICATE") return false;
  CBS input, element;
  CBS_init(&input, reinterpret_cast<const std::uint8_t*>(object.der.data()), object.der.size());
  return CBS_get_asn1_element(&input, &element, CBS_ASN1_SEQUENCE) == 1 && CBS_len(&input) > 0;
}

// "site.pem: certificate 2 of 3", "site.pem: object 1 of 2".
std::string place_of(std::size_t index, const std::vector<std::string_view>& labels, std::string_view where) {
  const auto ordinal = [&](std::string_view kind, std::size_t number, std::size_t total) {
    return std::string(where) + ": " + std::string(kind) + ' ' + std::to_string(number) + " of " +
           std::to_string(total);
  };
  if (!is_certificate_label(labels[index])) return ordinal("object", index + 1, labels.size());
  const auto before =
      std::count_if(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(index), is_certificate_label);
  const auto all = std::ranges::count_if(labels, is_certificate_label);
  return ordinal("certificate", static_cast<std::size_t>(before) + 1, static_cast<std::size_t>(all));
}

// Windows' editors and PowerShell's ">" write UTF-16: with a byte order mark mostly, and a zero beside each letter.
// The name iconv has for it, or nothing.
std::string_view wide_encoding_of(std::string_view text) {
  using namespace std::string_view_literals;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return "UTF-16";
  if (text.find("-\0-\0-\0-\0-\0B\0"sv) == text.npos) return {};
  return text.starts_with('\0') ? "UTF-16BE" : "UTF-16LE";
}

// AWS-LC hands out three buffers to be freed by the caller.
struct raw_object {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  raw_object() = default;
  raw_object(const raw_object&) = delete;
  raw_object& operator=(const raw_object&) = delete;
  ~raw_object() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);  // wiped by OPENSSL_free
  }
};

}  // namespace

void pem_object::wipe() noexcept { OPENSSL_cleanse(der.data(), der.size()); }

// The vector would give its memory back as it is.
pem_object& pem_object::operator=(pem_object&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  label = std::move(other.label);
  headers = std::move(other.headers);
  der = std::move(other.der);
  return *this;
}

bool pem_object::is_certificate() const noexcept { return is_certificate_label(label); }

bool pem_object::is_private_key() const noexcept { return label.ends_with("PRIVATE KEY"); }

bool pem_object::is_encrypted() const noexcept {
  return label == "ENCRYPTED PRIVATE KEY" || headers.find("ENCRYPTED") != headers.npos;
}

result<std::vector<pem_object>> parse_pem(std::string_view text, std::string_view where) {
  const auto size = narrow<int>(text.size());
  if (!size) {
    auto error = make_failure(errc::bad_pem, where, "larger than 2 GiB");
    error.code = boost::system::errc::make_error_code(boost::system::errc::result_out_of_range);
    return error;
  }
  if (const auto wide = wide_encoding_of(text); !wide.empty()) {
    return make_failure(errc::bad_pem, where, "it is text in " + std::string(wide) + ", where PEM is ASCII",
                        "convert it: `iconv -f " + std::string(wide) + " -t UTF-8`");
  }
  // One at the very beginning does no harm, when it is not given to AWS-LC.
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const auto lines = outline_of(text);
  // Before anything is decoded: with a mark in the wrong place the objects that AWS-LC finds are not those that were
  // written. A mark that is merely damaged is reported last, because a broken object before it is the better
  // explanation.
  if (lines.odd != oddity::none && lines.odd != oddity::damaged) return odd_line(lines, where);
  const auto& labels = lines.labels;
  const bio_handle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) return out_of_memory(where);

  std::vector<pem_object> objects;
  // As many as there are beginnings, so that an object which AWS-LC passes over is an error, and not a shorter chain.
  while (objects.size() < labels.size()) {
    raw_object raw;
    // The queue of errors is this thread's: what is in it afterwards must be of this call.
    ERR_clear_error();
    if (PEM_read_bio(bio.get(), &raw.name, &raw.header, &raw.data, &raw.size) != 1) {
      if (lacked_memory()) return out_of_memory(where);
      return make_failure(errc::bad_pem, place_of(objects.size(), labels, where),
                          "the text between BEGIN and END cannot be decoded");
    }
    pem_object object;
    object.label = raw.name;
    object.headers = raw.header;
    const auto* bytes = reinterpret_cast<const std::byte*>(raw.data);
    object.der.assign(bytes, bytes + raw.size);
    if (has_trust_settings(object)) {
      return make_failure(errc::bad_pem, place_of(objects.size(), labels, where),
                          "it is a TRUSTED CERTIFICATE with settings of OpenSSL's, which are not followed here",
                          "write it without them: `openssl x509 -in FILE -out PLAIN.pem`");
    }
    objects.push_back(std::move(object));
  }
  if (lines.odd != oddity::none) return odd_line(lines, where);
  return objects;
}

std::string write_pem(std::string_view label, const void* der, std::size_t size) {
  const bio_handle bio(BIO_new(BIO_s_mem()));
  const std::string name(label);
  const unsigned char* data = nullptr;
  std::size_t length = 0;
  if (!bio ||
      PEM_write_bio(bio.get(), name.c_str(), "", static_cast<const unsigned char*>(der), static_cast<long>(size)) ==
          0 ||
      BIO_mem_contents(bio.get(), &data, &length) != 1) {
    ERR_clear_error();
    return {};
  }
  return {reinterpret_cast<const char*>(data), length};
}

}  // namespace internal
}  // namespace v0
}  // namespace sluice
