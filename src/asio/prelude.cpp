// SPDX-License-Identifier: Apache-2.0
#include "asio/prelude.hpp"

#include "core/base/failure.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

namespace sluice {
inline namespace v0 {
namespace detail {

using internal::in_phase;

failure failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const error& e) {
    return e.why();
  } catch (const boost::system::system_error& e) {
    return in_phase(phase::handshake, make_failure(e.code()));
  } catch (const std::exception& e) {
    return in_phase(phase::handshake, make_failure(errc::internal, "", e.what()));
  } catch (...) {
    return in_phase(phase::handshake, make_failure(errc::internal));
  }
}

void run_prelude(const net::any_io_executor& serial, prelude& speaker, net::ip::tcp::socket& socket,
                 std::function<void(failure)> done) {
  net::co_spawn(serial, speaker.speak(socket),
                [done = std::move(done)](const std::exception_ptr& thrown, failure error) {
                  done(thrown ? failure_of(thrown) : std::move(error));
                });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
