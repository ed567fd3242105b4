// SPDX-License-Identifier: Apache-2.0
// What still needs the engine: tls_library::stop() fails while anything does.
#pragma once

namespace sluice {
inline namespace v0 {
namespace internal {

// A member of everything that owns engine memory.
class library_user {
 public:
  library_user() noexcept;
  library_user(const library_user&) noexcept : library_user() {}
  library_user& operator=(const library_user&) noexcept = default;
  ~library_user();
};

}  // namespace internal
}  // namespace v0
}  // namespace sluice
