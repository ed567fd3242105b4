// SPDX-License-Identifier: Apache-2.0
#include "terminal/json.hpp"

#include "terminal/dates.hpp"
#include "terminal/failure.hpp"

#include "sluice/printable.hpp"

#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace sluice::tool {
namespace {

std::u16string in_utf16(std::string_view point) {
  const auto at = [point](std::size_t i) { return static_cast<unsigned char>(point[i]); };
  if (point.size() == 1) return {static_cast<char16_t>(at(0))};
  auto value = static_cast<char32_t>(at(0) & (0x7fU >> point.size()));
  for (std::size_t i = 1; i < point.size(); ++i) value = (value << 6) | (at(i) & 0x3fU);
  if (value < 0x10000) return {static_cast<char16_t>(value)};
  value -= 0x10000;
  return {static_cast<char16_t>(0xd800 + (value >> 10)), static_cast<char16_t>(0xdc00 + (value & 0x3ff))};
}

void write_text(std::string& out, std::string_view text) {
  const auto valid = valid_utf8(text);
  const auto plain = json::serialize(json::string(valid));
  if (printable(plain) == plain) {
    out += plain;
    return;
  }
  // Beside what JSON must escape, what a terminal would act on.
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  for (auto at = plain.begin(); at != plain.end();) {
    const auto end = std::find_if(at + 1, plain.end(), begins);
    const std::string_view point(at, end);
    at = end;
    if (printable(point) == point) {
      out += point;
    } else {
      for (const auto unit : in_utf16(point)) out += fmt::format("\\u{:04x}", static_cast<unsigned>(unit));
    }
  }
}

// Boost.JSON would write 12.5 as 1.25E1, which is correct and hard to read.
void write(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& member : *object) {
      if (out.back() != '{') out += ',';
      write_text(out, std::string_view(member.key().data(), member.key().size()));
      out += ':';
      write(out, member.value());
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (const auto& element : *array) {
      if (out.back() != '[') out += ',';
      write(out, element);
    }
    out += ']';
  } else if (const auto* number = value.if_double()) {
    out += std::isfinite(*number) ? fmt::format("{:.3f}", *number) : "null";
  } else if (const auto* text = value.if_string()) {
    write_text(out, std::string_view(text->data(), text->size()));
  } else {
    out += json::serialize(value);
  }
}

std::string_view early_text(early_data fate) {
  switch (fate) {
    case early_data::none: return "none";
    case early_data::rejected: return "rejected";
    case early_data::accepted: return "accepted";
  }
  return "none";
}

}  // namespace

std::string to_text(const json::value& value) {
  std::string out;
  write(out, value);
  return out;
}

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::object describe(const certificate& one) {
  json::array names;
  for (const auto& name : one.names()) names.emplace_back(name.value);
  return {{"subject", one.subject()},
          {"issuer", one.issuer()},
          {"serial", one.serial()},
          {"not_before", iso_time(one.valid_from())},
          {"not_after", iso_time(one.valid_until())},
          {"names", std::move(names)},
          {"key", one.key()},
          {"sha256", one.sha256()}};
}

json::value describe(std::span<const certificate> chain) {
  if (chain.empty()) return nullptr;
  json::array all;
  for (const auto& one : chain) all.emplace_back(describe(one));
  return all;
}

json::value describe(const std::optional<failure>& error) {
  if (!error) return nullptr;
  auto reported = *error;
  reported.remedy = remedy_for(*error);
  const bool has_alert = error->alert.which != alert_info::direction::none;
  return json::object{{"category", error->category()},
                      {"code", code_name(error->code)},
                      {"message", reported.message()},
                      {"alert", has_alert ? json::value(alert_name(error->alert.description)) : json::value(nullptr)},
                      {"origin", error->from == origin::peer ? "peer" : "local"}};
}

json::object describe_tls(const std::optional<connection_info>& info, const std::string& policy,
                          std::string_view ocsp) {
  const auto known = info.value_or(connection_info());
  return {{"version", text_or_null(known.version)},
          {"cipher", text_or_null(known.cipher)},
          {"group", text_or_null(known.group)},
          {"signature", text_or_null(known.signature)},
          {"alpn", text_or_null(known.alpn)},
          {"resumed", known.resumed},
          {"early_data", early_text(known.early_data)},
          {"policy", text_or_null(policy)},
          {"client_certificate", known.client_certificate},
          {"ocsp", ocsp}};
}

json::object describe(const traffic& one_way) {
  return {{"bytes", one_way.bytes}, {"records", one_way.records}, {"wire_bytes", one_way.wire_bytes}};
}

json::object describe(const connection_statistics& counted) {
  const auto described = [](const traffic& one_way, std::optional<std::uint8_t> alert) {
    auto made = describe(one_way);
    made["alert"] = alert ? json::value(alert_name(*alert)) : json::value(nullptr);
    return made;
  };
  return {{"received", described(counted.received, counted.alert_received)},
          {"sent", described(counted.sent, counted.alert_sent)},
          {"signatures", counted.signatures}};
}

}  // namespace sluice::tool
