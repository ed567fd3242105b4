// SPDX-License-Identifier: Apache-2.0
// Boost.JSON is compiled here, once: Debian's Boost headers are enough, and nothing is left to link.
#include <boost/json/src.hpp>
