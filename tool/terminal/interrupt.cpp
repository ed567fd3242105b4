// SPDX-License-Identifier: Apache-2.0
#include "terminal/interrupt.hpp"

#include "terminal/failure.hpp"

namespace sluice::tool {
namespace {

volatile std::sig_atomic_t is_interrupted = 0;  // what a signal handler may touch

extern "C" void note_interrupt(int) { is_interrupted = 1; }

}  // namespace

interrupt_watch::interrupt_watch() {
  is_interrupted = 0;
  struct sigaction handler {};
  handler.sa_handler = note_interrupt;
  ::sigemptyset(&handler.sa_mask);
  ::sigaction(SIGINT, &handler, &before_int_);
  ::sigaction(SIGTERM, &handler, &before_term_);
}

interrupt_watch::~interrupt_watch() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

bool interrupt_watch::is_raised() const noexcept { return is_interrupted != 0; }

void interrupt_watch::check() const {
  if (is_raised()) give_up(errc::cancelled, "interrupted");
}

}  // namespace sluice::tool
