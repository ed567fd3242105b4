// SPDX-License-Identifier: Apache-2.0
// Everything that a program on Asio includes.
#pragma once

#include "sluice/asio/acceptor.hpp"
#include "sluice/asio/connect.hpp"
#include "sluice/asio/stream.hpp"
#include "sluice/context.hpp"
