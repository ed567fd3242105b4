// SPDX-License-Identifier: Apache-2.0
// What a server saw of a client, as JSON and as a page for a browser.
#pragma once

#include "server/serving.hpp"

#include <string>

namespace sluice::tool {

// Everything that is known once the handshake is done.
boost::json::object facts_of(const served_client& client, const std::string& policy);

// The same, with the request, as one HTML document that needs nothing else.
std::string html_page(const boost::json::object& facts);

}  // namespace sluice::tool
