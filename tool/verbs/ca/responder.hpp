// SPDX-License-Identifier: Apache-2.0
// An OCSP responder over HTTP (RFC 6960, appendix A) for the authority in a folder.
#pragma once

#include "verbs/ca/folder.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>

namespace sluice::tool {

class responder {
 public:
  responder(ca_folder folder, std::chrono::hours validity)
      : folder_(std::move(folder)), issuer_(folder_.authority()), validity_(validity) {}

  // Until the acceptor is closed. What is revoked meanwhile is reported from the next request on.
  boost::asio::awaitable<void> serve(boost::asio::ip::tcp::acceptor& acceptor) const;

 private:
  boost::asio::awaitable<void> talk(boost::asio::ip::tcp::socket socket) const;
  boost::beast::http::response<boost::beast::http::string_body> answer(
      const boost::beast::http::request<boost::beast::http::string_body>& asked) const;

  ca_folder folder_;
  testkit::authority issuer_;
  std::chrono::hours validity_;
};

}  // namespace sluice::tool
