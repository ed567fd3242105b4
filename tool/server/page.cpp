// SPDX-License-Identifier: Apache-2.0
#include "server/page.hpp"

#include "terminal/values.hpp"
#include "terminal/dates.hpp"
#include "terminal/json.hpp"

#include "sluice/printable.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::tool {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark;--ink:#16202a;--quiet:#5c6b78;--paper:#f4f6f8;--card:#fff;--line:#e1e6eb;
--good:#0b7a4b;--tint:#e5f4ec}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--quiet:#93a1ae;--paper:#0f151b;--card:#18212a;--line:#28343f;
--good:#4fd197;--tint:#12301f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:60rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
.mark{margin:0;color:var(--quiet);font-size:.85rem;letter-spacing:.04em}
h1{margin:.2rem 0 .6rem;font-size:1.9rem;line-height:1.2;letter-spacing:-.01em}
.badges{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 1.75rem;padding:0;list-style:none}
.badges li{padding:.15rem .7rem;border-radius:1rem;border:1px solid var(--line);font-size:.85rem;color:var(--quiet)}
.badges .good{border-color:transparent;background:var(--tint);color:var(--good)}
.cards{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.1rem 1.3rem;min-width:0}
section.wide{grid-column:1/-1}
h2{margin:0 0 .5rem;font-size:.8rem;font-weight:600;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet)}
.stack{display:grid;gap:1rem;align-content:start;min-width:0}
dl{margin:0;display:grid;grid-template-columns:minmax(7rem,max-content) 1fr}
dt,dd{margin:0;padding:.3rem 0;border-top:1px solid var(--line)}
dl>dt:first-of-type,dl>dt:first-of-type+dd{border-top:0}
dt{padding-right:1.25rem;color:var(--quiet)}
dd{overflow-wrap:anywhere;font-size:.88rem;line-height:1.75}
dd,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.none{color:var(--quiet)}
footer{margin-top:1.5rem;color:var(--quiet);font-size:.85rem}
)";

// A client chooses what is in its headers and its certificate.
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

using row = std::pair<std::string, std::string>;  // a name, and a text that may be empty

std::string card(std::string_view title, const std::vector<row>& rows, bool is_wide = false) {
  auto made = fmt::format("<section{}><h2>{}</h2><dl>", is_wide ? " class=\"wide\"" : "", title);
  for (const auto& [name, value] : rows) {
    made += fmt::format("<dt>{}</dt>", escaped(name));
    made += value.empty() ? "<dd class=\"none\">none</dd>" : fmt::format("<dd>{}</dd>", escaped(value));
  }
  return made + "</dl></section>\n";
}

std::string text_at(const json::object& from, std::string_view key) {
  const auto& value = from.at(key);
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

// Times are milliseconds in the facts.
std::string time_at(const json::object& from, std::string_view key) {
  const std::chrono::duration<double, std::milli> time(from.at(key).as_double());
  return short_time(std::chrono::duration_cast<std::chrono::nanoseconds>(time));
}

bool is_post_quantum(const json::object& tls) { return text_at(tls, "group").find("MLKEM") != std::string::npos; }

std::string early_words(const json::object& facts) {
  const auto fate = text_at(facts.at("tls").as_object(), "early_data");
  return fate == "accepted" ? fmt::format("{} bytes, accepted", facts.at("early_bytes").to_number<std::uint64_t>())
         : fate == "none"   ? ""
                            : fate;
}

std::string connection_card(const json::object& facts) {
  const auto& tls = facts.at("tls").as_object();
  auto group = text_at(tls, "group");
  if (!group.empty()) group += is_post_quantum(tls) ? " (post-quantum hybrid)" : " (not post-quantum)";
  return card("Connection", {{"Version", text_at(tls, "version")},
                             {"Cipher", text_at(tls, "cipher")},
                             {"Group", group},
                             {"ALPN", text_at(tls, "alpn")},
                             {"Server name", text_at(facts, "server_name")},
                             {"Resumed", tls.at("resumed").as_bool() ? "yes, with a ticket" : "no, a full handshake"},
                             {"Early data", early_words(facts)},
                             {"Policy", text_at(tls, "policy")},
                             {"Handshake", time_at(facts, "handshake_ms")}});
}

std::string our_card(const json::object& facts) {
  const auto* key = facts.at("key").if_object();
  if (key == nullptr) return card("This server", {{"Certificate", "not shown: the session was resumed"}});
  const bool is_outside = text_at(*key, "place") != "memory";
  return card("This server", {{"Certificate", text_at(*key, "certificate")},
                              {"Key", text_at(*key, "type")},
                              {"Kept in", is_outside ? text_at(*key, "place") : "this server's memory"},
                              {"Signature", text_at(facts.at("tls").as_object(), "signature")},
                              {"Signing took", is_outside ? time_at(facts, "sign_ms") : "part of the handshake"}});
}

std::string client_card(const json::object& facts) {
  std::vector<row> rows{{"Address", text_at(facts, "peer")}};
  const auto* chain = facts.at("client_certificates").if_array();
  if (chain == nullptr || chain->empty()) {
    rows.emplace_back("Certificate", "");
  } else {
    const auto& leaf = chain->front().as_object();
    rows.emplace_back("Certificate", text_at(leaf, "subject"));
    rows.emplace_back("Issued by", text_at(leaf, "issuer"));
    rows.emplace_back("Key", text_at(leaf, "key"));
    rows.emplace_back("Valid until", text_at(leaf, "not_after"));
    rows.emplace_back("SHA-256", text_at(leaf, "sha256"));
  }
  return card("You", rows);
}

std::string request_card(const json::object& request) {
  std::vector<row> rows{{"Request", fmt::format("{} {} {}", text_at(request, "method"), text_at(request, "target"),
                                                text_at(request, "version"))}};
  for (const auto& header : request.at("headers").as_array()) {
    rows.emplace_back(text_at(header.as_object(), "name"), text_at(header.as_object(), "value"));
  }
  return card("Request", rows, true);
}

std::string badges(const json::object& facts) {
  const auto& tls = facts.at("tls").as_object();
  const auto badge = [](bool is_good, std::string_view text) {
    return fmt::format("<li{}>{}</li>", is_good ? " class=\"good\"" : "", text);
  };
  const bool has_pq = is_post_quantum(tls), is_known = tls.at("client_certificate").as_bool();
  auto made = badge(has_pq, has_pq ? "post-quantum key exchange" : "classical key exchange");
  if (tls.at("resumed").as_bool()) made += badge(false, "resumed");
  if (text_at(tls, "early_data") == "accepted") made += badge(false, "early data");
  const auto* key = facts.at("key").if_object();
  if (key != nullptr && text_at(*key, "place") != "memory") made += badge(true, "key outside the process");
  return made + badge(is_known, is_known ? "client certificate verified" : "no client certificate");
}

}  // namespace

json::object facts_of(const served_client& client, const std::string& policy) {
  const auto& info = client.s.info();
  const auto chain = client.s.verified_chain();
  boost::system::error_code ec;
  const auto peer = client.s.lowest_layer().remote_endpoint(ec);
  json::value key = nullptr;
  if (const auto own = client.s.selected_identity()) {
    key = {{"place", own->key() ? own->key()->name() : "memory"},
           {"type", own->leaf().key()},
           {"certificate", own->leaf().subject()}};
  }
  return {{"schema", 1},
          {"peer", ec ? json::value(nullptr) : json::value(to_text(peer))},
          {"server_name", text_or_null(info.server_name)},
          {"tls", describe_tls(info, policy, info.ocsp_stapled ? "good" : "none")},
          {"early_bytes", info.early_bytes},
          {"handshake_ms", milliseconds(client.s.timings().handshake)},
          {"sign_ms", milliseconds(client.s.timings().signing)},
          {"key", std::move(key)},
          {"client_subject", chain.empty() ? json::value(nullptr) : text_or_null(chain.front().subject())},
          {"client_certificates", describe(chain)}};
}

std::string html_page(const json::object& facts) {
  const auto version = escaped(text_at(facts.at("tls").as_object(), "version"));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{} · sluice serve</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n</head>\n<body>\n"
      "<main>\n<p class=\"mark\">sluice serve</p>\n<h1>You are connected with {}</h1>\n"
      "<ul class=\"badges\">{}</ul>\n<div class=\"cards\">\n{}<div class=\"stack\">\n{}{}</div>\n{}</div>\n"
      "<footer>The same in JSON: <code>curl</code> this address, or ask for anything but "
      "<code>text/html</code>.</footer>\n</main>\n</body>\n</html>\n",
      version, style, version, badges(facts), connection_card(facts), our_card(facts), client_card(facts),
      request_card(facts.at("request").as_object()));
}

}  // namespace sluice::tool
