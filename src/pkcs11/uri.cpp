// SPDX-License-Identifier: Apache-2.0
// Parsed and written by p11-kit.
#include "sluice/pkcs11/uri.hpp"

#include "pkcs11/cryptoki.hpp"

#include <p11-kit/uri.h>

#include <cstdlib>
#include <memory>

namespace sluice::inline v0::pkcs11 {
namespace {

struct uri_free {
  void operator()(P11KitUri* u) const noexcept { p11_kit_uri_free(u); }
};
using uri_handle = std::unique_ptr<P11KitUri, uri_free>;

template <std::size_t N>
std::optional<std::string> field(const unsigned char (&value)[N]) {
  if (value[0] == 0) return std::nullopt;  // p11-kit leaves what the URI does not name zeroed
  return padded_text(value);
}

template <std::size_t N>
void set_field(unsigned char (&to)[N], const std::optional<std::string>& value) {
  if (!value) return;
  for (std::size_t i = 0; i < N; ++i) to[i] = i < value->size() ? static_cast<unsigned char>((*value)[i]) : ' ';
}

std::string text_or_empty(const char* text) { return text ? text : ""; }

std::optional<std::string> class_name(const CK_ATTRIBUTE* attribute) {
  if (attribute == nullptr || attribute->ulValueLen != sizeof(CK_OBJECT_CLASS)) return std::nullopt;
  switch (*static_cast<const CK_OBJECT_CLASS*>(attribute->pValue)) {
    case CKO_PRIVATE_KEY: return "private";
    case CKO_PUBLIC_KEY: return "public";
    case CKO_CERTIFICATE: return "cert";
    case CKO_SECRET_KEY: return "secret-key";
    case CKO_DATA: return "data";
    default: return "unknown";
  }
}

std::string format(P11KitUri* u, P11KitUriType type) {
  char* text = nullptr;
  if (p11_kit_uri_format(u, type, &text) != P11_KIT_URI_OK) return "pkcs11:";
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  return text;
}

// p11-kit's view of ours, for writing. The attribute's memory is `u`'s.
uri_handle to_p11(const uri& u, bool with_object) {
  uri_handle p(p11_kit_uri_new());
  auto* token = p11_kit_uri_get_token_info(p.get());
  set_field(token->label, u.token);
  set_field(token->manufacturerID, u.manufacturer);
  set_field(token->model, u.model);
  set_field(token->serialNumber, u.serial);
  if (u.slot_id) p11_kit_uri_set_slot_id(p.get(), *u.slot_id);
  if (!with_object) return p;
  if (u.object) {
    CK_ATTRIBUTE label{CKA_LABEL, const_cast<char*>(u.object->data()), u.object->size()};
    p11_kit_uri_set_attribute(p.get(), &label);
  }
  if (u.id) {
    CK_ATTRIBUTE id{CKA_ID, const_cast<std::byte*>(u.id->data()), u.id->size()};
    p11_kit_uri_set_attribute(p.get(), &id);
  }
  if (u.type == "private" || u.type == "cert" || u.type == "public") {
    CK_OBJECT_CLASS value = u.type == "private" ? CKO_PRIVATE_KEY : u.type == "cert" ? CKO_CERTIFICATE : CKO_PUBLIC_KEY;
    CK_ATTRIBUTE type{CKA_CLASS, &value, sizeof value};
    p11_kit_uri_set_attribute(p.get(), &type);
  }
  return p;
}

// The PIN must not be in an error message.
std::string without_pin(std::string_view text) {
  const auto at = text.find("pin-value=");
  return std::string(text.substr(0, at)) + (at == text.npos ? "" : "pin-value=…");
}

}  // namespace

result<uri> uri::parse(std::string_view text) {
  const uri_handle p(p11_kit_uri_new());
  const std::string copy(text);
  const int rc = p11_kit_uri_parse(copy.c_str(), P11_KIT_URI_FOR_ANY, p.get());
  if (rc != P11_KIT_URI_OK) {
    return config_failure(errc::bad_uri, without_pin(text), text_or_empty(p11_kit_uri_message(rc)),
                          "write it as pkcs11:token=LABEL;object=LABEL?module-name=NAME&pin-source=file:PATH");
  }
  if (p11_kit_uri_any_unrecognized(p.get()) != 0) {
    return config_failure(errc::bad_uri, without_pin(text), "it has an attribute that RFC 7512 does not know");
  }
  uri u;
  const auto* token = p11_kit_uri_get_token_info(p.get());
  u.token = field(token->label);
  u.manufacturer = field(token->manufacturerID);
  u.model = field(token->model);
  u.serial = field(token->serialNumber);
  if (const auto slot = p11_kit_uri_get_slot_id(p.get()); slot != static_cast<CK_SLOT_ID>(-1)) u.slot_id = slot;
  if (const auto* label = p11_kit_uri_get_attribute(p.get(), CKA_LABEL)) {
    u.object = std::string(static_cast<const char*>(label->pValue), label->ulValueLen);
  }
  if (const auto* id = p11_kit_uri_get_attribute(p.get(), CKA_ID)) {
    const auto* bytes = static_cast<const std::byte*>(id->pValue);
    u.id = std::vector<std::byte>(bytes, bytes + id->ulValueLen);
  }
  u.type = class_name(p11_kit_uri_get_attribute(p.get(), CKA_CLASS));
  u.module_path = text_or_empty(p11_kit_uri_get_module_path(p.get()));
  u.module_name = text_or_empty(p11_kit_uri_get_module_name(p.get()));
  u.pin_source = text_or_empty(p11_kit_uri_get_pin_source(p.get()));
  if (const char* pin = p11_kit_uri_get_pin_value(p.get())) u.pin_value = secret(std::string_view(pin));
  return u;
}

uri uri::clone() const {
  uri copy;
  copy.token = token;
  copy.manufacturer = manufacturer;
  copy.model = model;
  copy.serial = serial;
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
  const auto p = to_p11(*this, true);
  if (!module_path.empty()) p11_kit_uri_set_module_path(p.get(), module_path.c_str());
  if (!module_name.empty()) p11_kit_uri_set_module_name(p.get(), module_name.c_str());
  if (!pin_source.empty()) p11_kit_uri_set_pin_source(p.get(), pin_source.c_str());
  return format(p.get(), P11_KIT_URI_FOR_ANY);
}

std::string uri::token_string() const { return format(to_p11(*this, false).get(), P11_KIT_URI_FOR_TOKEN); }

}  // namespace sluice::inline v0::pkcs11
