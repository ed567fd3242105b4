// SPDX-License-Identifier: Apache-2.0
#include "asio/prelude.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>

namespace sluice {
inline namespace v0 {
namespace detail {

failure failure_of(const std::exception_ptr& thrown) {
  failure why;
  why.at = phase::handshake;
  try {
    std::rethrow_exception(thrown);
  } catch (const error& e) {
    return e.why();
  } catch (const boost::system::system_error& e) {
    why.code = e.code();
  } catch (const std::exception& e) {
    why.code = make_error_code(errc::internal);
    why.detail = e.what();
  } catch (...) {
    why.code = make_error_code(errc::internal);
  }
  return why;
}

void run_prelude(const net::any_io_executor& serial, prelude& speaker, net::ip::tcp::socket& socket,
                 std::function<void(failure)> done) {
  net::co_spawn(serial, speaker.speak(socket), [done = std::move(done)](const std::exception_ptr& thrown, failure why) {
    done(thrown ? failure_of(thrown) : std::move(why));
  });
}

}  // namespace detail
}  // namespace v0
}  // namespace sluice
