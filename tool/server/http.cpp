// SPDX-License-Identifier: Apache-2.0
// A file of its own: Beast takes its time to compile.
#include "server/http.hpp"

#include "testkit/coroutines/use_tuple.hpp"
#include "server/page.hpp"
#include "server/sending.hpp"
#include "terminal/json.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <sstream>
#include <utility>

namespace sluice::tool {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using request = http::request<http::string_body>;
using parser = http::request_parser<http::string_body>;

constexpr std::uint32_t longest_head = 16384;
constexpr std::uint64_t longest_body = std::uint64_t{1} << 20;

http::response<http::string_body> make_answer(http::status status, unsigned version, bool keeps_alive) {
  http::response<http::string_body> made(status, version);
  made.set(http::field::server, "sluice");
  made.set(http::field::cache_control, "no-store");
  made.keep_alive(keeps_alive);
  return made;
}

std::string to_text(const http::response<http::string_body>& answer) {
  std::ostringstream out;
  out << answer;
  return std::move(out).str();
}

std::string refusal(const error_code& error) {
  auto status = http::status::bad_request;
  if (error == http::error::header_limit) status = http::status::request_header_fields_too_large;
  if (error == http::error::body_limit) status = http::status::payload_too_large;
  if (error == http::error::partial_message) status = http::status::request_timeout;
  auto answer = make_answer(status, 11, false);
  answer.set(http::field::content_type, "application/json");
  answer.body() = tool::to_text(json::object{{"error", error.message()}}) + "\n";
  answer.prepare_payload();
  return to_text(answer);
}

std::string text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

// What it accepts decides: a browser names text/html, curl everything.
bool wants_html(const request& asked) {
  return text_of(asked[http::field::accept]).find("text/html") != std::string::npos;
}

json::object facts_of(const request& asked) {
  json::array headers;
  for (const auto& field : asked) {
    headers.push_back(json::object{{"name", text_of(field.name_string())}, {"value", text_of(field.value())}});
  }
  return {{"method", text_of(asked.method_string())},
          {"target", text_of(asked.target())},
          {"version", asked.version() == 11 ? "HTTP/1.1" : "HTTP/1.0"},
          {"body_bytes", asked.body().size()},
          {"headers", std::move(headers)}};
}

std::string answer_to(const request& asked, const served_client& c) {
  auto facts = c.facts;
  facts["request"] = facts_of(asked);
  auto answer = make_answer(http::status::ok, asked.version(), asked.keep_alive() && !c.is_asked_to_stop);
  answer.set(http::field::vary, "Accept");
  if (wants_html(asked)) {
    answer.set(http::field::content_type, "text/html; charset=utf-8");
    answer.set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    answer.body() = html_page(facts);
  } else {
    answer.set(http::field::content_type, "application/json");
    answer.body() = tool::to_text(facts) + "\n";
  }
  answer.prepare_payload();
  if (asked.method() == http::verb::head) answer.body().clear();  // the length stays that of the page
  return to_text(answer);
}

// Reads as it is needed, and no further than what has come: a client may be stopped between two requests.
asio::awaitable<error_code> read_request(served_client& c, boost::beast::flat_buffer& buffer, parser& into,
                                         std::chrono::milliseconds timeout) {
  into.eager(true);
  into.header_limit(longest_head);
  into.body_limit(longest_body);
  bool has_told_to_go_on = false;
  c.wait_ends = std::chrono::steady_clock::now() + timeout;
  const auto done = [&c](error_code how) {
    c.wait_ends.reset();
    return how;
  };
  for (bool has_begun = buffer.size() > 0;;) {
    error_code ec;
    if (buffer.size() > 0) buffer.consume(into.put(buffer.data(), ec));
    if (ec && ec != http::error::need_more) co_return done(ec);
    if (into.is_done()) co_return done(error_code());
    if (into.is_header_done() && into.get()[http::field::expect] == "100-continue" && !has_told_to_go_on) {
      has_told_to_go_on = true;
      const bool is_sent = co_await send(c, "HTTP/1.1 100 Continue\r\n\r\n");
      if (!is_sent) co_return done(asio::error::operation_aborted);
    }
    buffer.shrink_to_fit();  // a connection that waits for a request holds no memory
    auto [failed, n] = co_await c.s.async_read_some(buffer.prepare(4096), testkit::use_tuple);
    c.touch();
    if (failed) co_return done(c.is_late && has_begun ? error_code(http::error::partial_message) : failed);
    buffer.commit(n);
    // Once it has begun it has the time anew, and once.
    if (!std::exchange(has_begun, true)) c.wait_ends = std::chrono::steady_clock::now() + timeout;
  }
}

}  // namespace

asio::awaitable<void> answer_http(served_client& c, std::chrono::milliseconds timeout) {
  boost::beast::flat_buffer buffer;
  for (bool keeps_alive = true; keeps_alive && !c.is_asked_to_stop;) {
    parser asked;
    const auto ec = co_await read_request(c, buffer, asked, timeout);
    const bool is_our_verdict = ec && ec.category() == http::make_error_code(http::error::need_more).category();
    if (ec && !is_our_verdict) co_return;  // the client, or its stream, has ended
    const auto answer = ec ? refusal(ec) : answer_to(asked.get(), c);
    const bool is_sent = co_await send(c, answer);
    keeps_alive = is_sent && !ec && asked.get().keep_alive();
  }
}

}  // namespace sluice::tool
