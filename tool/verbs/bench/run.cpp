// SPDX-License-Identifier: Apache-2.0
#include "verbs/bench/run.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

namespace sluice::tool {
namespace {

using clock_type = std::chrono::steady_clock;

class runner {
 public:
  runner(const seats& all, const run_settings& settings, const interrupt_watch& watch)
      : all_(all), settings_(settings), watch_(watch) {}

  run_result run() {
    const auto began = clock_type::now();
    post_to_all([](testkit::load_share& work) { work.prepare(); });
    const bool is_prepared = wait(run_stage::preparing, [this] { return none(&testkit::load_share::is_preparing); });
    made_.prepared_in = clock_type::now() - began;
    if (is_prepared && settings_.on_prepared()) measure();
    for (const auto& one : all_) one->loop.stop();
    made_.is_interrupted = watch_.is_raised();
    return made_;
  }

 private:
  void measure() {
    made_.has_begun = true;
    testkit::load_window when;
    when.began = clock_type::now() + std::chrono::milliseconds(2);
    when.from = when.began + std::chrono::duration_cast<clock_type::duration>(settings_.warm_up);
    when.to = when.from + std::chrono::duration_cast<clock_type::duration>(settings_.duration);
    post_to_all([when](testkit::load_share& work) { work.begin(when); });
    wait(run_stage::warming_up, [when] { return clock_type::now() >= when.from; });
    // Idle connections may all be gone before.
    wait(run_stage::measuring,
         [this, when] { return clock_type::now() >= when.to || none(&testkit::load_share::is_running); });
    made_.measured = std::clamp<std::chrono::nanoseconds>(clock_type::now() - when.from, {}, settings_.duration);
    if (settings_.ends_by_stopping) post_to_all([](testkit::load_share& work) { work.stop(); });
    const auto last = clock_type::now() + settings_.timeout;
    wait(run_stage::finishing,
         [this, last] { return none(&testkit::load_share::is_running) || clock_type::now() >= last; });
  }

  // Posted in the order of the calls, and all of them done when it returns.
  template <class Work>
  void post_to_all(Work work) {
    for (const auto& one : all_) {
      std::promise<void> done;
      boost::asio::post(one->loop.io(), [&] {
        work(*one->work);
        done.set_value();
      });
      done.get_future().wait();
    }
  }

  bool none(bool (testkit::load_share::*claim)() const noexcept) const {
    return std::ranges::none_of(all_, [claim](const auto& one) { return ((*one->work).*claim)(); });
  }

  template <class Done>
  bool wait(run_stage stage, Done done) const {
    const auto began = clock_type::now();
    while (!done()) {
      if (watch_.is_raised()) return false;
      if (settings_.on_progress) settings_.on_progress(stage, clock_type::now() - began);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  const seats& all_;
  const run_settings& settings_;
  const interrupt_watch& watch_;
  run_result made_;
};

failure not_done() {
  failure error;
  error.code = make_error_code(errc::timed_out);
  error.detail = "it was not done when the measurement ended, nor in the time after that";
  return error;
}

}  // namespace

run_result run_loads(const seats& all, const run_settings& settings, const interrupt_watch& watch,
                     testkit::tally& sum) {
  const auto made = runner(all, settings, watch).run();
  for (const auto& one : all) {
    const auto& counts = one->work->counts();
    sum.add(counts);
    if (!made.has_begun || made.is_interrupted || settings.ends_by_stopping) continue;
    const auto due = one->work->due_in_window();
    const auto missed = due ? *due - std::min(*due, counts.settled()) : one->work->running();
    sum.missed(missed, not_done());
  }
  return made;
}

}  // namespace sluice::tool
