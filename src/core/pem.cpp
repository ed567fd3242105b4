// SPDX-License-Identifier: Apache-2.0
#include "core/pem.hpp"

#include "core/error_tables.hpp"
#include "core/handles.hpp"
#include "core/narrow.hpp"

#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>

namespace sluice::inline v0::internal {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";

std::size_t count_objects(std::string_view text) {
  std::size_t count = 0;
  for (auto at = text.find(begin_mark); at != text.npos; at = text.find(begin_mark, at + 1)) ++count;
  return count;
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

pem_object::~pem_object() { OPENSSL_cleanse(der.data(), der.size()); }

bool pem_object::is_certificate() const noexcept {
  return label == "CERTIFICATE" || label == "X509 CERTIFICATE" || label == "TRUSTED CERTIFICATE";
}

bool pem_object::is_private_key() const noexcept { return label.ends_with("PRIVATE KEY"); }

bool pem_object::is_encrypted() const noexcept {
  return label == "ENCRYPTED PRIVATE KEY" || headers.find("ENCRYPTED") != headers.npos;
}

result<std::vector<pem_object>> parse_pem(std::string_view text, std::string_view where) {
  const auto total = count_objects(text);
  const auto size = narrow<int>(text.size());
  if (!size) return make_failure(errc::bad_pem, std::string(where), "larger than 2 GiB");
  const bio_handle bio(BIO_new_mem_buf(text.data(), *size));
  if (!bio) return make_failure(errc::internal, std::string(where), "out of memory");

  std::vector<pem_object> objects;
  while (objects.size() < total) {
    raw_object raw;
    ERR_clear_error();
    if (PEM_read_bio(bio.get(), &raw.name, &raw.header, &raw.data, &raw.size) != 1) {
      ERR_clear_error();
      return make_failure(errc::bad_pem,
                          std::string(where) + ": object " + std::to_string(objects.size() + 1) + " of " +
                              std::to_string(total),
                          "the text between BEGIN and END cannot be decoded");
    }
    pem_object object;
    object.label = raw.name;
    object.headers = raw.header;
    const auto* bytes = reinterpret_cast<const std::byte*>(raw.data);
    object.der.assign(bytes, bytes + raw.size);
    objects.push_back(std::move(object));
  }
  return objects;
}

std::string write_pem(std::string_view label, const void* der, std::size_t size) {
  const bio_handle bio(BIO_new(BIO_s_mem()));
  const std::string name(label);
  const unsigned char* data = nullptr;
  std::size_t length = 0;
  if (!bio || PEM_write_bio(bio.get(), name.c_str(), "", static_cast<const unsigned char*>(der),
                            static_cast<long>(size)) == 0 ||
      BIO_mem_contents(bio.get(), &data, &length) != 1) {
    ERR_clear_error();
    return {};
  }
  return {reinterpret_cast<const char*>(data), length};
}

}  // namespace sluice::inline v0::internal
