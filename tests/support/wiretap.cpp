// SPDX-License-Identifier: Apache-2.0
#include "support/wiretap.hpp"

#include <openssl/digest.h>
#include <openssl/hkdf.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace sluice::test {
namespace {

const std::uint8_t* data_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }
std::uint8_t* data_of(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

std::string big_endian(std::uint64_t value, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[size - 1 - i] = static_cast<char>(value >> (8 * i));
  return text;
}

std::string of_hex(std::string_view hex) {
  std::string bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(0, 2)), nullptr, 16));
  }
  return bytes;
}

std::string last_word(std::string_view line) { return of_hex(line.substr(line.rfind(' ') + 1)); }

std::string hmac(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, 32> out{};
  unsigned size = out.size();
  HMAC(EVP_sha256(), key.data(), key.size(), data_of(text), text.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), out.size()};
}

// RFC 5246 §5.
std::string prf(std::string_view secret, const std::string& seed, std::size_t size) {
  std::string out;
  for (auto a = hmac(secret, seed); out.size() < size; a = hmac(secret, a)) out += hmac(secret, a + seed);
  return out.substr(0, size);
}

// RFC 8446 §7.1, without a context.
std::string expand_label(std::string_view secret, const std::string& label, std::size_t size) {
  const auto full = "tls13 " + label;
  const auto info = big_endian(size, 2) + big_endian(full.size(), 1) + full + '\0';
  std::string out(size, '\0');
  if (HKDF_expand(data_of(out), size, EVP_sha256(), data_of(secret), secret.size(), data_of(info), info.size()) != 1) {
    throw std::runtime_error("HKDF");
  }
  return out;
}

class slow_reader final : public transport {
 public:
  slow_reader(transport& below, std::size_t chunk) : below_(below), chunk_(chunk) {}
  std::size_t read(std::span<std::byte> into, error_code& ec) noexcept override {
    return below_.read(into.first(std::min(into.size(), chunk_)), ec);
  }
  std::size_t write(std::span<const std::byte> from, error_code& ec) noexcept override {
    return below_.write(from, ec);
  }

 private:
  transport& below_;
  std::size_t chunk_;
};

}  // namespace

std::string record_bytes(std::uint8_t type, std::string_view body) {
  return std::string{static_cast<char>(type), 3, 3} + big_endian(body.size(), 2) + std::string(body);
}

void change_records(wire& w, const record_change& change) {
  const auto records = records_of(w);
  w.bytes.clear();
  for (const auto& one : records) put(w, change(one));
}

bool carry_handshake(pair& p, const record_change& to_client, const record_change& to_server, std::size_t chunk) {
  slow_reader client_io(p.client_io, chunk), server_io(p.server_io, chunk);
  const auto drive = [](connection& one, transport& io) {
    for (;;) {
      const auto st = pair::drive(one, io);
      if (st.next != want::again) return st;
    }
  };
  for (int turn = 0; turn < 20; ++turn) {
    const auto c = drive(p.client, client_io);
    if (c.error) return false;
    change_records(p.to_server, to_server);
    const auto s = drive(p.server, server_io);
    if (s.error) return false;
    change_records(p.to_client, to_client);
    if (c.next == want::nothing && s.next == want::nothing) return true;
  }
  return false;
}

lane_keys::lane_keys(std::string_view key, std::string iv, bool is_tls13)
    : ctx_(EVP_AEAD_CTX_new(EVP_aead_aes_128_gcm(), data_of(key), key.size(), EVP_AEAD_DEFAULT_TAG_LENGTH)),
      iv_(std::move(iv)),
      is_tls13_(is_tls13) {}

lane_keys lane_keys::tls13(std::string_view line) {
  const auto traffic = last_word(line);
  return {expand_label(traffic, "key", 16), expand_label(traffic, "iv", 12), true};
}

lane_keys lane_keys::tls12(std::string_view line, std::string_view server_random, bool is_clients) {
  const auto rest = line.substr(line.find(' ') + 1);
  const auto client_random = of_hex(rest.substr(0, rest.find(' ')));
  const auto block = prf(last_word(line), "key expansion" + std::string(server_random) + client_random, 40);
  return {block.substr(is_clients ? 0 : 16, 16), block.substr(is_clients ? 32 : 36, 4), false};
}

std::string lane_keys::change(const tls_record& record, const edit& edit) {
  const std::size_t explicit_size = is_tls13_ ? 0 : 8;
  auto nonce = is_tls13_ ? iv_ : iv_ + record.body.substr(0, explicit_size);
  const auto number = big_endian(number_++, 8);
  for (std::size_t i = 0; is_tls13_ && i < 8; ++i) nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ number[i]);
  const auto body = record.body.substr(explicit_size);
  constexpr std::size_t tag = 16;
  const auto header = [&](std::uint8_t type, std::size_t plain) {
    return is_tls13_ ? record_bytes(23, std::string(plain + tag, '\0')).substr(0, 5)
                     : number + static_cast<char>(type) + "\3\3" + big_endian(plain, 2);
  };
  std::string plain(body.size(), '\0');
  std::size_t size = 0;
  auto additional = header(record.type, body.size() - tag);
  if (EVP_AEAD_CTX_open(ctx_.get(), data_of(plain), &size, plain.size(), data_of(std::string_view(nonce)), nonce.size(),
                        data_of(std::string_view(body)), body.size(), data_of(std::string_view(additional)),
                        additional.size()) != 1) {
    throw std::runtime_error("the record does not open");
  }
  plain.resize(size);
  auto type = record.type;
  if (is_tls13_) {
    type = static_cast<std::uint8_t>(plain.back());
    plain.pop_back();
  }
  edit(type, plain);
  if (is_tls13_) plain += static_cast<char>(type);
  std::string sealed(plain.size() + tag, '\0');
  additional = header(type, plain.size());
  EVP_AEAD_CTX_seal(ctx_.get(), data_of(sealed), &size, sealed.size(), data_of(std::string_view(nonce)), nonce.size(),
                    data_of(std::string_view(plain)), plain.size(), data_of(std::string_view(additional)),
                    additional.size());
  return record_bytes(is_tls13_ ? 23 : type, record.body.substr(0, explicit_size) + sealed);
}

std::string key_lines::line(std::string_view label) const {
  const auto found = std::ranges::find_if(*lines, [&](const std::string& one) { return one.starts_with(label); });
  return found == lines->end() ? std::string() : *found;
}

}  // namespace sluice::test
