// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/records.hpp"

#include "sluice/certificate.hpp"

#include <openssl/aead.h>
#include <openssl/digest.h>
#include <openssl/hkdf.h>

#include <array>
#include <stdexcept>

namespace sluice::testkit::peers {
namespace {

constexpr std::size_t max_in_record = 16384;
using bytes = std::vector<std::uint8_t>;

const std::uint8_t* data_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

bytes expand(std::span<const std::uint8_t> secret, std::string_view label, std::size_t size) {
  const auto name = "tls13 " + std::string(label);
  const auto info = number(size, 2) + number(name.size(), 1) + name + number(0, 1);
  bytes made(size);
  if (HKDF_expand(made.data(), size, EVP_sha256(), secret.data(), secret.size(), data_of(info), info.size()) != 1) {
    throw std::runtime_error("HKDF");
  }
  return made;
}

}  // namespace

std::string number(std::size_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

std::string record(int type, std::string_view body, int version) {
  std::string text;
  do {
    const auto part = body.substr(0, max_in_record);
    body.remove_prefix(part.size());
    text += number(static_cast<std::size_t>(type), 1) + number(static_cast<std::size_t>(version), 2) +
            number(part.size(), 2) + std::string(part);
  } while (!body.empty());
  return text;
}

std::string handshake_message(int type, std::string_view body) {
  return number(static_cast<std::size_t>(type), 1) + number(body.size(), 3) + std::string(body);
}

std::string alert(int description, int level) {
  return record(21, number(static_cast<std::size_t>(level), 1) + number(static_cast<std::size_t>(description), 1));
}

std::string server_hello(const hello_choice& choice) {
  std::string random(32 - choice.random_end.size(), '\x5a');
  random += choice.random_end;
  auto body = number(static_cast<std::size_t>(choice.version), 2) + random + number(0, 1) +
              number(static_cast<std::size_t>(choice.cipher), 2) + number(0, 1);
  if (!choice.extensions.empty()) body += number(choice.extensions.size(), 2) + choice.extensions;
  return handshake_message(2, body);
}

std::string client_hello(const client_hello_choice& choice) {
  const auto list = [](const std::vector<int>& values) {
    std::string text;
    for (const int value : values) text += number(static_cast<std::size_t>(value), 2);
    return number(text.size(), 2) + text;
  };
  const auto extension = [](int id, const std::string& body) {
    return number(static_cast<std::size_t>(id), 2) + number(body.size(), 2) + body;
  };
  const auto extensions = extension(10, list(choice.groups)) + extension(13, list(choice.signatures)) +
                          extension(11, std::string("\x01\x00", 2)) + extension(0xff01, std::string(1, '\0'));
  return handshake_message(1, number(static_cast<std::size_t>(choice.version), 2) + std::string(32, '\x3c') +
                                  number(0, 1) + list(choice.ciphers) + number(choice.compressions.size(), 1) +
                                  choice.compressions + number(extensions.size(), 2) + extensions);
}

std::string certificate_message(const std::vector<std::string>& ders) {
  std::string list;
  for (const auto& der : ders) list += number(der.size(), 3) + der;
  return handshake_message(11, number(list.size(), 3) + list);
}

std::vector<std::string> ders_of(const std::string& pem) {
  std::vector<std::string> ders;
  const auto parsed = certificate::from_pem(pem).value();
  for (const auto& one : parsed) ders.emplace_back(reinterpret_cast<const char*>(one.der().data()), one.der().size());
  return ders;
}

std::string sealed_record(std::span<const std::uint8_t> secret, std::uint64_t sequence, int type,
                          std::string_view body) {
  const auto key = expand(secret, "key", 16);
  auto nonce = expand(secret, "iv", 12);
  for (std::size_t i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::uint8_t>(sequence >> (8 * (7 - i)));
  const auto inner = std::string(body) + number(static_cast<std::size_t>(type), 1);
  const auto header = number(23, 1) + number(0x0303, 2) + number(inner.size() + 16, 2);
  bssl::ScopedEVP_AEAD_CTX ctx;
  bytes sealed(inner.size() + 16);
  std::size_t size = 0;
  if (EVP_AEAD_CTX_init(ctx.get(), EVP_aead_aes_128_gcm(), key.data(), key.size(), 16, nullptr) != 1 ||
      EVP_AEAD_CTX_seal(ctx.get(), sealed.data(), &size, sealed.size(), nonce.data(), nonce.size(), data_of(inner),
                        inner.size(), data_of(header), header.size()) != 1) {
    throw std::runtime_error("AES-GCM");
  }
  return header + std::string(reinterpret_cast<const char*>(sealed.data()), size);
}

std::vector<std::uint8_t> next_secret(std::span<const std::uint8_t> secret) {
  return expand(secret, "traffic upd", secret.size());
}

}  // namespace sluice::testkit::peers
