// SPDX-License-Identifier: Apache-2.0
#include "client/trace.hpp"

#include "client/client_hello.hpp"
#include "terminal/dates.hpp"
#include "terminal/json.hpp"
#include "terminal/tls_names.hpp"

#include <fmt/format.h>

#include <mutex>

namespace sluice::tool {
namespace {

using kind = message_event::kind;
constexpr std::uint8_t type_client_hello = 1, alert_not_opened = 255;

std::string name_of(const message_event& e) {
  switch (e.what) {
    case kind::handshake: return std::string(handshake_type_name(e.type));
    case kind::alert: return e.type == alert_not_opened ? "Alert" : "Alert " + std::string(alert_name(e.type));
    case kind::change_cipher_spec: return "ChangeCipherSpec";
    case kind::sealed: return "a record that cannot be opened";
  }
  return "unknown";
}

std::string_view kind_name(kind what) {
  switch (what) {
    case kind::handshake: return "handshake";
    case kind::alert: return "alert";
    case kind::change_cipher_spec: return "change_cipher_spec";
    case kind::sealed: return "sealed";
  }
  return "unknown";
}

// Lines from connections on any thread stay whole.
class tracer final : public observer {
 public:
  tracer(const trace_options& options, std::FILE* to, bool is_json, std::shared_ptr<observer> other)
      : options_(options), out_(to), is_json_(is_json), other_(std::move(other)) {}

  bool wants_messages() const noexcept override { return true; }
  void on_message(const message_event& e) noexcept override try {
    const std::lock_guard lock(gate_);
    if (options_.messages) print(e);
    if (options_.client_hello && e.what == kind::handshake && e.type == type_client_hello) tell_hello(e);
    out_.flush();
  } catch (const std::exception&) {
    return;  // out of memory: a line less
  }

  void on_handshake(const handshake_event& e) noexcept override {
    if (other_) other_->on_handshake(e);
  }
  void on_signature(const signature_event& e) noexcept override {
    if (other_) other_->on_signature(e);
  }
  void on_failure(const failure& error) noexcept override {
    if (other_) other_->on_failure(error);
  }
  void on_closed(const closed_event& e) noexcept override {
    if (other_) other_->on_closed(e);
  }
  // With no observer the library prints it itself.
  void on_warning(std::string_view text) noexcept override {
    if (other_) return other_->on_warning(text);
    screen(stderr).line(text);
  }

 private:
  void print(const message_event& e) const {
    if (is_json_) {
      return out_.line(to_text(json::object{{"event", "message"},
                                            {"connection", e.connection},
                                            {"at_ms", milliseconds(e.at)},
                                            {"direction", e.is_sent ? "sent" : "received"},
                                            {"kind", kind_name(e.what)},
                                            {"name", name_of(e)},
                                            {"size", e.size},
                                            {"encrypted", e.was_sealed}}));
    }
    const auto arrow = out_.has_symbols() ? (e.is_sent ? "→" : "←") : (e.is_sent ? "->" : "<-");
    const auto number = e.is_server ? fmt::format("{:>4} ", e.connection) : std::string();
    out_.line(fmt::format("{}{:>8} {} {:<30} {:>6} bytes{}", number, short_time(e.at), arrow, name_of(e), e.size,
                          e.was_sealed ? out_.paint(tone::quiet, "  encrypted") : std::string()));
  }

  void tell_hello(const message_event& e) const {
    const auto hello = parse_client_hello(e.bytes);
    if (is_json_) {
      json::object line{{"event", "client_hello"}, {"connection", e.connection}};
      line["hello"] = hello ? json::value(describe(*hello)) : json::value(nullptr);
      return out_.line(to_text(line));
    }
    const auto whose =
        std::string("ClientHello") + (e.is_server ? fmt::format(" of connection {}", e.connection) : std::string());
    out_.line(hello ? whose : whose + ", which cannot be read");
    if (hello) print_client_hello(*hello, out_);
  }

  const trace_options options_;
  const screen out_;
  const bool is_json_;
  const std::shared_ptr<observer> other_;
  std::mutex gate_;
};

}  // namespace

void trace_options::declare(declaration& app) {
  app.add_flag("--trace", messages, "Print each TLS message: direction, size, time");
  app.add_flag("--client-hello", client_hello, "Print the ClientHello, field by field");
}

std::shared_ptr<observer> trace_options::watch(std::FILE* to, bool is_json, std::shared_ptr<observer> other) const {
  if (!messages && !client_hello) return other;
  return std::make_shared<tracer>(*this, to, is_json, std::move(other));
}

}  // namespace sluice::tool
