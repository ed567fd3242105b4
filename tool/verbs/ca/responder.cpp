// SPDX-License-Identifier: Apache-2.0
#include "verbs/ca/responder.hpp"

#include "testkit/authority/ocsp.hpp"
#include "testkit/coroutines/use_tuple.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
constexpr std::size_t longest_request = 65536;

http::response<http::string_body> plain(http::status status, std::string text) {
  http::response<http::string_body> made(status, 11);
  made.set(http::field::content_type, "text/plain");
  made.body() = std::move(text);
  return made;
}

}  // namespace

http::response<http::string_body> responder::answer(const http::request<http::string_body>& asked) const {
  const bool is_get = asked.method() == http::verb::get;
  if (!is_get && asked.method() != http::verb::post) {
    auto refused = plain(http::status::method_not_allowed, "this is an OCSP responder: GET or POST\n");
    refused.set(http::field::allow, "GET, POST");
    return refused;
  }
  const auto request = is_get ? testkit::ocsp_request_in(asked.target()) : asked.body();
  const auto known = [this](const std::string& serial) { return folder_.standing(serial); };
  auto response = testkit::answer_ocsp(issuer_, request, known, validity_);
  if (!response) return plain(http::status::internal_server_error, response.error().message() + "\n");
  auto made = plain(http::status::ok, std::move(*response));
  made.set(http::field::content_type, "application/ocsp-response");
  return made;
}

asio::awaitable<void> responder::talk(asio::ip::tcp::socket socket) const {
  boost::beast::tcp_stream stream(std::move(socket));
  boost::beast::flat_buffer buffer;
  for (bool goes_on = true; goes_on;) {
    stream.expires_after(std::chrono::seconds(30));
    http::request_parser<http::string_body> parser;
    parser.body_limit(longest_request);
    auto [failed, n] = co_await http::async_read(stream, buffer, parser, testkit::use_tuple);
    if (failed) break;
    auto response = answer(parser.get());
    goes_on = parser.get().keep_alive();
    response.keep_alive(goes_on);
    response.prepare_payload();
    auto [broken, m] = co_await http::async_write(stream, response, testkit::use_tuple);
    if (broken) break;
  }
  boost::system::error_code ignored;
  stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> responder::serve(asio::ip::tcp::acceptor& acceptor) const {
  while (acceptor.is_open()) {
    auto [failed, socket] = co_await acceptor.async_accept(testkit::use_tuple);
    if (!failed) asio::co_spawn(acceptor.get_executor(), talk(std::move(socket)), asio::detached);
  }
}

}  // namespace sluice::tool
