// SPDX-License-Identifier: Apache-2.0
// The layers that most programs use, compiled once.
#include "sluice/asio/stream_impl.hpp"

namespace sluice {
inline namespace v0 {
namespace detail {

// The definitions behind the `extern template` of stream.hpp: a program that uses these layers compiles none of this.
#define SLUICE_NOTHING
SLUICE_COMPILED_LAYER(SLUICE_NOTHING, net::ip::tcp::socket)
SLUICE_COMPILED_LAYER(SLUICE_NOTHING, net::local::stream_protocol::socket)

}  // namespace detail
}  // namespace v0
}  // namespace sluice
