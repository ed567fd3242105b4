// SPDX-License-Identifier: Apache-2.0
#include "arguments/options.hpp"

#include "arguments/token_place.hpp"
#include "terminal/failure.hpp"
#include "terminal/values.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>

namespace sluice::tool {
namespace {

std::optional<tls_version> parse_version(const std::string& text, std::string_view option) {
  if (text.empty()) return std::nullopt;
  const auto version = tls_version_from(text);
  if (!version || *version == tls_version::ssl3) {
    give_up(errc::invalid_argument, std::string(option), "\"" + text + "\" is not a version of TLS",
            "write 1.0, 1.1, 1.2 or 1.3");
  }
  return version;
}

// Appends whole lines, for connections on any thread. What is in there undoes the encryption: for its owner only.
class key_log_file {
 public:
  explicit key_log_file(const std::string& path)
      : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
    if (file_ < 0) {
      give_up(errc::file_unreadable, path, std::string("the key log cannot be written: ") + std::strerror(errno),
              "check the path and its permissions");
    }
  }
  key_log_file(const key_log_file&) = delete;
  key_log_file& operator=(const key_log_file&) = delete;
  ~key_log_file() { ::close(file_); }

  void write(std::string_view line) {
    const auto text = std::string(line) + "\n";
    const std::lock_guard lock(gate_);
    if (::write(file_, text.data(), text.size()) < 0) return;  // a full disk is no reason to fail a handshake
  }

 private:
  int file_;
  std::mutex gate_;
};

const std::string cert_help =
    "Our certificate chain, leaf first: a file (PEM, DER, PKCS#12), or a certificate's pkcs11: URI";
const std::string key_help = "Its private key: a file (PEM, DER, PKCS#12), or a pkcs11: URI (default: where --cert is)";

}  // namespace

void credential_options::declare(declaration& app) {
  app.add_option("--cert", cert, cert_help).type_name("FILE|URI");
  app.add_option("--key", key, key_help).type_name("FILE|URI");
  declare_place(app);
}

void credential_list::declare(declaration& app) {
  const std::string again = "; again for each further name";
  app.add_option("--cert", certs, cert_help + again).allow_extra_args(false).type_name("FILE|URI");
  app.add_option("--key", keys, key_help + again).allow_extra_args(false).type_name("FILE|URI");
  shared.declare_place(app);
}

void credential_options::declare_place(declaration& app) {
  app.add_option("--chain", chain, "Issuers of a certificate in a token (PEM), where the token does not hold them")
      .type_name("FILE");
  app.add_option("--module", module, "PKCS#11 module, a path or a name such as softhsm2 (else the URI's)")
      .type_name("PATH");
  app.add_option("--pin-file", pin_file,
                 "The token's PIN, first line of a file (else the URI's pin-source, else SLUICE_PIN)")
      .type_name("FILE");
  app.add_option("--module-parameters", module_parameters, module_parameters_help).type_name("TEXT");
  app.add_option("--password-file", password_file,
                 "The password of an encrypted key or PKCS#12 file, first line of a file (else SLUICE_PASSWORD)")
      .type_name("FILE");
}

void tls_options::declare(declaration& app) {
  credentials.declare(app);
  declare_protocol(app);
}

void tls_options::declare_protocol(declaration& app) {
  declare_rest(app);
  declare_versions(app);
}

void tls_options::declare_versions(declaration& app) {
  app.add_option("--policy", policy, "s2n security policy (default: by version)").type_name("NAME");
  app.add_option("--min-tls", min_tls, "Lowest version of TLS (default 1.2)").type_name("1.0|1.1|1.2|1.3");
  app.add_option("--max-tls", max_tls, "Highest version of TLS (default 1.3)").type_name("1.0|1.1|1.2|1.3");
}

void tls_options::declare_rest(declaration& app) {
  app.add_option("--ca", ca, "Trust the certificates in this PEM file instead of the system's").type_name("FILE");
  app.add_option("--ca-dir", ca_dir, "Trust the certificates in this folder instead of the system's").type_name("DIR");
  app.add_option("--alpn", alpn, "Application protocols, preferred first: h2,http/1.1").type_name("NAMES");
  app.add_option("--max-chain", max_chain, "Maximum number of certificates in a peer's chain")
      .type_name("N")
      .range(1, 65535)
      .capture_default_str();
  app.add_option("--keylog", keylog, "Append the session's secrets, for Wireshark (else SSLKEYLOGFILE)")
      .type_name("FILE");
  app.add_option("--timeout", timeout, "Timeout: 250ms, 10s, 5m").type_name("TIME").capture_default_str();
  app.add_flag("--json", json, "Print JSON");
}

std::optional<sluice::trust> tls_options::load_trust() const {
  std::optional<sluice::trust> made;
  std::error_code ignored;
  if (std::filesystem::is_directory(ca, ignored)) {
    give_up(errc::file_unreadable, ca, "--ca: it is a folder", "write --ca-dir " + ca);
  }
  if (!ca.empty()) made = trust::from_file(ca).value();
  if (ca_dir.empty()) return made;
  auto folder = trust::from_folder(ca_dir).value();
  return made ? made->with(folder) : folder;
}

version_range tls_options::versions() const {
  return {.min = parse_version(min_tls, "--min-tls"), .max = parse_version(max_tls, "--max-tls")};
}

std::vector<std::string> tls_options::alpn_list() const {
  return alpn.empty() ? std::vector<std::string>() : parse_alpn(alpn).value();
}

sluice::key_log tls_options::open_key_log() const {
  const char* given = std::getenv("SSLKEYLOGFILE");
  const bool is_asked_for = !keylog.empty();
  const auto path = is_asked_for || given == nullptr ? keylog : std::string(given);
  if (path.empty()) return {};
  try {
    return [file = std::make_shared<key_log_file>(path)](std::string_view line) { file->write(line); };
  } catch (const error& e) {
    if (is_asked_for) throw;
    // Set for all programs of a session, it stops none of them.
    auto reason = e.why();
    reason.detail = "SSLKEYLOGFILE: " + reason.detail;
    reason.remedy = "it goes on without a key log";
    complain(reason);
    return {};
  }
}

client_options tls_options::for_client() const {
  client_options made;
  made.identity = credentials.load();
  made.trust = load_trust();
  made.policy = policy;
  made.versions = versions();
  made.alpn = alpn_list();
  made.max_chain = max_chain;
  made.key_log = open_key_log();
  // The person at the terminal is not the attacker whom blinding is meant for.
  made.blinding = blinding::at_most(std::chrono::seconds(0));
  return made;
}

std::chrono::milliseconds tls_options::time_limit() const {
  const auto limit = parse_duration(timeout, "--timeout");
  if (limit == std::chrono::milliseconds(0))
    give_up(errc::invalid_argument, "--timeout", "nothing can be done in no time",
            "write a time above 0, for example 10s");
  return limit;
}

}  // namespace sluice::tool
