// SPDX-License-Identifier: Apache-2.0
// Finds records, or handshake messages, in bytes that arrive in pieces of any size.
#pragma once

#include "core/wire/numbers.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace internal {

// The frames of one direction: a header of fixed size, whose last bytes are the length of the body behind it. Bytes
// that are not TLS are framed just the same, by whatever stands where a length would: that makes no sense and does no
// harm.
// The state is one of three: between frames (nothing of a header is here, and nothing of a body is missing), inside a
// header (`have_` > 0), inside a body (`left_` > 0). A frame without a body never enters the last. header_ and size_
// keep their values until the next header begins, so that a frame can be asked about after its end.
class framer {
 public:
  enum class frame : std::uint8_t { record, message };  // RFC 8446 §5.1 and §4

  explicit framer(frame what) noexcept : what_(what) {}

  struct part {
    std::span<const std::byte> bytes;
    bool is_body = false;  // else it belongs to a header
    bool begins = false;   // with it the header is whole: type() and size() are the new frame's
    bool ends = false;     // with it the frame is whole
  };
  // Takes from the front of `bytes`, which is not empty: at most up to the end of a header, or of a body.
  part take(std::span<const std::byte>& bytes) noexcept;

  // Of the frame under way, or else of the last one. A type is known from its first byte on.
  std::uint8_t type() const noexcept { return std::to_integer<std::uint8_t>(header_[0]); }
  std::size_t size() const noexcept { return size_; }  // of the body; 0 while the header is not whole

  std::uint64_t count() const noexcept { return count_; }  // of frames whose header is whole
  bool is_between() const noexcept { return have_ == 0 && left_ == 0; }
  // How many bytes complete the header or the body under way; those of the next header when there is none.
  std::size_t wanted() const noexcept { return left_ > 0 ? left_ : header_size() - have_; }
  std::size_t header_size() const noexcept {
    return what_ == frame::record ? wire::record_header_size : wire::message_header_size;
  }

 private:
  // A client's first record may have the form of SSL 2.0 (RFC 5246 Appendix E.2).
  bool is_ssl2() const noexcept {
    return what_ == frame::record && count_ == 0 && (header_[0] & std::byte{0x80}) != std::byte{0};
  }

  frame what_;
  std::uint8_t have_ = 0;  // bytes of a header that is not whole
  std::array<std::byte, wire::record_header_size> header_{};
  std::uint64_t count_ = 0;
  std::size_t size_ = 0;
  std::size_t left_ = 0;  // of the body under way
};

// The same, for users of whole frames: keeps what has arrived of the one under way.
// It keeps at most one frame, which is as long as its header says: users bound it by asking current().size() before
// more is taken (message_tap), or by the size of the input that they pass.
class frame_collector {
 public:
  explicit frame_collector(framer::frame what) noexcept : framer_(what) {}

  // Takes from the front of `bytes`, up to the end of a frame. True: it is whole, and stays until the next call.
  bool take(std::span<const std::byte>& bytes);
  std::span<const std::uint8_t> header() const noexcept { return std::span(frame_).first(header_size_); }
  std::span<const std::uint8_t> body() const noexcept { return std::span(frame_).subspan(header_size_); }
  std::span<const std::uint8_t> whole() const noexcept { return frame_; }

  // The frame under way, if any.
  const framer& current() const noexcept { return framer_; }
  std::size_t kept() const noexcept { return framer_.is_between() ? 0 : frame_.size(); }

 private:
  framer framer_;
  std::vector<std::uint8_t> frame_;
  std::size_t header_size_ = 0;  // of the frame kept, once its header is whole
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
