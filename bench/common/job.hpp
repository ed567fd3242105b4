// SPDX-License-Identifier: Apache-2.0
// What the load asks of a server: messages that begin a transfer. A server echoes every other message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace bench {

// A connection's buffer for messages. One connection of many that are idle holds no more than this of the program's
// own.
inline constexpr std::size_t message_size = 1024;
inline constexpr std::size_t largest_chunk = std::size_t{256} << 10;

// The server sends `bytes` in writes of `chunk` bytes (download), or reads `bytes` into a buffer of `chunk` bytes and
// then sends one byte (upload). Little-endian, 13 bytes. The other messages of the load begin with another character.
struct job {
  static constexpr std::size_t size = 13;
  static constexpr char download = 'D', upload = 'U';

  char kind = download;
  std::uint64_t bytes = 0;
  std::uint32_t chunk = 0;

  // One read may return the beginning of an upload's data with it.
  static std::optional<job> in(std::span<const char> message) {
    if (message.size() < size || (message[0] != download && message[0] != upload)) return std::nullopt;
    job found;
    found.kind = message[0];
    std::memcpy(&found.bytes, message.data() + 1, sizeof found.bytes);
    std::memcpy(&found.chunk, message.data() + 9, sizeof found.chunk);
    found.bytes -= message.size() - size;
    return found;
  }

  std::array<char, size> message() const {
    std::array<char, size> made{kind};
    std::memcpy(made.data() + 1, &bytes, sizeof bytes);
    std::memcpy(made.data() + 9, &chunk, sizeof chunk);
    return made;
  }

  std::size_t next() const { return bytes < chunk ? static_cast<std::size_t>(bytes) : chunk; }
};

// The data of all downloads, and where all uploads end: one buffer a process, since each has one thread.
inline std::span<char> payload() {
  static std::array<char, largest_chunk> bytes{};
  return bytes;
}

}  // namespace bench
