// SPDX-License-Identifier: Apache-2.0
// Writes URIs: the path by p11-kit, the query here, where paths stay readable.
#include "sluice/pkcs11/uri.hpp"

#include "pkcs11/cryptoki.hpp"

#include <p11-kit/uri.h>

#include <charconv>
#include <memory>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {
namespace {

struct uri_free {
  void operator()(P11KitUri* u) const noexcept { p11_kit_uri_free(u); }
};
using uri_handle = std::unique_ptr<P11KitUri, uri_free>;

template <std::size_t N>
void set_field(unsigned char (&to)[N], const std::optional<std::string>& value) {
  if (!value) return;
  for (std::size_t i = 0; i < N; ++i) to[i] = i < value->size() ? static_cast<unsigned char>((*value)[i]) : ' ';
}

// Of a version, whose numbers have been read before.
unsigned char number(const std::string& text) {
  unsigned char value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<CK_OBJECT_CLASS> class_of(const std::optional<std::string>& type) {
  if (type == "private") return CKO_PRIVATE_KEY;
  if (type == "public") return CKO_PUBLIC_KEY;
  if (type == "cert") return CKO_CERTIFICATE;
  if (type == "secret-key") return CKO_SECRET_KEY;
  if (type == "data") return CKO_DATA;
  return std::nullopt;
}

std::string format(P11KitUri* u, P11KitUriType type) {
  char* text = nullptr;
  if (p11_kit_uri_format(u, type, &text) != P11_KIT_URI_OK) return "pkcs11:";
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  return text;
}

// p11-kit's view of ours, for writing. The attribute's memory is `u`'s.
// p11-kit writes the path, so that the escapes are those that other programs write. Fields have a fixed size there;
// parse() has made sure that nothing is longer.
uri_handle to_p11(const uri& u, bool with_object) {
  uri_handle p(p11_kit_uri_new());
  auto* token = p11_kit_uri_get_token_info(p.get());
  set_field(token->label, u.token);
  set_field(token->manufacturerID, u.manufacturer);
  set_field(token->model, u.model);
  set_field(token->serialNumber, u.serial);
  auto* slot = p11_kit_uri_get_slot_info(p.get());
  set_field(slot->manufacturerID, u.slot_manufacturer);
  set_field(slot->slotDescription, u.slot_description);
  if (u.slot_id) p11_kit_uri_set_slot_id(p.get(), *u.slot_id);
  auto* library = p11_kit_uri_get_module_info(p.get());
  set_field(library->manufacturerID, u.library_manufacturer);
  set_field(library->libraryDescription, u.library_description);
  if (u.library_version) {
    const auto dot = u.library_version->find('.');
    library->libraryVersion = {number(u.library_version->substr(0, dot)), number(u.library_version->substr(dot + 1))};
  }
  if (!with_object) return p;
  if (u.object) {
    CK_ATTRIBUTE label{CKA_LABEL, const_cast<char*>(u.object->data()), u.object->size()};
    p11_kit_uri_set_attribute(p.get(), &label);
  }
  if (u.id) {
    CK_ATTRIBUTE id{CKA_ID, const_cast<std::byte*>(u.id->data()), u.id->size()};
    p11_kit_uri_set_attribute(p.get(), &id);
  }
  if (auto value = class_of(u.type)) {
    CK_ATTRIBUTE type{CKA_CLASS, &*value, sizeof *value};
    p11_kit_uri_set_attribute(p.get(), &type);
  }
  return p;
}

// RFC 7512 §2.3 takes "/" and ":" in the query as they are, and people read them more easily.
std::string in_query(std::string_view value) {
  constexpr std::string_view plain = "-._~/:";
  std::string made;
  for (const char c : value) {
    const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_word || plain.find(c) != plain.npos) {
      made += c;
      continue;
    }
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    made += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return made;
}

}  // namespace

// Member by member, because the secret cannot be copied: a new attribute has to be added here as well.
uri uri::clone() const {
  uri copy;
  copy.token = token;
  copy.manufacturer = manufacturer;
  copy.model = model;
  copy.serial = serial;
  copy.library_manufacturer = library_manufacturer;
  copy.library_description = library_description;
  copy.library_version = library_version;
  copy.slot_manufacturer = slot_manufacturer;
  copy.slot_description = slot_description;
  copy.slot_id = slot_id;
  copy.object = object;
  copy.id = id;
  copy.type = type;
  copy.module_path = module_path;
  copy.module_name = module_name;
  copy.pin_source = pin_source;
  return copy;
}

std::string uri::to_string() const {
  auto text = format(to_p11(*this, true).get(), P11_KIT_URI_FOR_ANY);
  char separator = '?';
  const auto add = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    text += separator + std::string(name) + "=" + in_query(value);
    separator = '&';
  };
  add("module-path", module_path);
  add("module-name", module_name);
  add("pin-source", pin_source);
  return text;
}

std::string uri::token_string() const { return format(to_p11(*this, false).get(), P11_KIT_URI_FOR_ANY); }

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
