// SPDX-License-Identifier: Apache-2.0
#include "verbs/token/doctor.hpp"

#include "terminal/exit_code.hpp"
#include "terminal/failure.hpp"
#include "testkit/authority/authority.hpp"
#include "testkit/authority/signing.hpp"
#include "terminal/dates.hpp"
#include "server/rehearsal.hpp"

#include "sluice/identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace sluice::tool {
namespace {

using enum signature_scheme;

struct pin_flag {
  const char* flag;
  error_code cause;
  const char* detail;
  const char* remedy;
};
// The token's flags report it; the codes are those that C_Login would return.
const std::array pin_flags = {
    pin_flag{"user-pin-locked", {0xa4, pkcs11_category()}, "it is locked", "have the security officer set a new one"},
    pin_flag{"user-pin-to-be-changed",
             {0xa3, pkcs11_category()},
             "it must be changed before it can be used",
             "change it with the token's own tool"},
    pin_flag{"user-pin-final-try", make_error_code(errc::pin_final_try), "one more wrong PIN would lock it",
             "log in once by hand, with the right PIN"},
};

// Which versions of TLS may ask for a scheme (RFC 8446 §4.2.3, RFC 5246 §7.4.1.4.1, RFC 4346 §4.7).
bool is_of(tls_version version, signature_scheme scheme, std::span<const std::byte> public_key) {
  const auto kind = kind_of(scheme);
  switch (version) {
    case tls_version::tls1_3:  // the scheme names the curve
      return kind == signature_kind::rsa_pss || (kind == signature_kind::ecdsa && scheme != ecdsa_sha1 &&
                                                 scheme == testkit::schemes_for(public_key).front());
    case tls_version::tls1_2: return scheme != rsa_pkcs1_md5_sha1;
    case tls_version::tls1_1:
    case tls_version::tls1_0: return scheme == rsa_pkcs1_md5_sha1 || scheme == ecdsa_sha1;
    case tls_version::ssl3: break;
  }
  return false;
}

class examination {
 public:
  examination(const token_place& place, const std::string& certificate_file)
      : place_(place), certificate_file_(certificate_file) {}

  diagnosis run() {
    look_at_module() && look_at_token() && look_at_pin() && log_in() && look_at_key() &&
        (look_at_mechanisms(), look_at_attributes(), look_at_sessions(), try_schemes(), true);
    if (key_) look_at_certificate();
    return std::move(made_);
  }

 private:
  bool note(std::string name, std::string detail) {
    made_.findings.push_back({.name = std::move(name), .detail = std::move(detail), .error = {}});
    return true;
  }
  bool refuse(std::string name, failure reason) {
    made_.findings.push_back({.name = std::move(name), .detail = {}, .error = std::move(reason)});
    return false;
  }
  // What is thrown on the way is the finding.
  template <class Work>
  bool attempt(const char* name, Work&& work) {
    try {
      return work();
    } catch (const error& e) {
      return refuse(name, e.why());
    }
  }

  bool look_at_module() {
    return attempt("module", [this] {
      const auto m = pkcs11::module::load(place_.module_path(), place_.module_options()).value();
      const auto& i = m.info();
      return note("module", fmt::format("{}: {} {}.{}, PKCS#11 {}.{}", i.path, i.description, i.library_major,
                                        i.library_minor, i.cryptoki_major, i.cryptoki_minor));
    });
  }

  bool look_at_token() {
    return attempt("token", [this] {
      info_ = place_.open_without_pin().info();
      return note("token", fmt::format("{}: {}", info_.uri, fmt::join(info_.flags, ", ")));
    });
  }

  bool has(std::string_view flag) const { return std::ranges::count(info_.flags, flag) > 0; }

  bool look_at_pin() {
    for (const auto& f : pin_flags) {
      if (!has(f.flag)) continue;
      auto reason = make_failure(errc::pin_required, "the PIN of \"" + info_.label + "\"", f.detail, f.remedy);
      reason.code = f.cause;
      return refuse("pin", std::move(reason));
    }
    // Some tokens forget that flag: the login shows.
    if (has("login-required") && !has("user-pin-initialized"))
      return note("pin", "the token reports that it has never been set");
    if (has("user-pin-count-low")) return note("pin", "a wrong one has been given since the last login");
    return note("pin", "neither locked nor near it");
  }

  // The only login: the key is opened later on a token that is logged in.
  bool log_in() {
    return attempt("login", [this] {
      token_.emplace(place_.open());
      const bool was_given = place_.has_pin();
      if (has("login-required") && !token_->is_logged_in()) {
        give_up(errc::pin_required, "token \"" + info_.label + "\"", "no PIN was given",
                "give --pin-file, pin-source in the URI, or SLUICE_PIN");
      }
      if (token_->has_logged_in())
        return note("login", token_->has_used_pin() ? "the PIN is right" : "done at the token's own pad");
      return note("login", was_given ? "the token knows no login, and the PIN was not used" : "the token wants none");
    });
  }

  bool look_at_key() {
    return attempt("key", [this] {
      key_ = pkcs11::open_key(place_.text, place_.wishes()).value();
      const auto wanted = place_.parsed();
      const auto known = key_->public_key();
      for (auto& k : token_->keys().value()) {
        const bool is_meant = (!wanted.object || k.label == *wanted.object) && (!wanted.id || k.id == *wanted.id);
        if (is_meant && (key_info_.uri.empty() || (known && k.public_key == *known))) key_info_ = std::move(k);
      }
      if (known) spki_ = *known;
      choose_certificate();
      if (const auto weak = weakness_of(spki_, key_->name())) return refuse("key", *weak), true;
      const bool is_curve_unknown =
          spki_.empty() ? key_info_.type.ends_with("another curve") : testkit::schemes_for(spki_).empty();
      if (is_curve_unknown)
        return refuse("key", make_failure(errc::key_type_unsupported, key_->name(), "its curve is not one of TLS",
                                          "make a key over P-256, P-384 or P-521: sluice token keygen"));
      return note("key", fmt::format("{}, {}", key_info_.type,
                                     known ? "with its public half" : "its public half is not on the token"));
    });
  }

  // The certificate, whose fault is reported at its place; where the token does not have the key's public half, and a
  // signature shows that the two belong together, it stands in for it.
  void choose_certificate() {
    try {
      chain_ = read_chain();
      if (!chain_.empty()) identity_.emplace(identity::from_chain(pem_of(chain_), key_).value());
    } catch (const error& e) {
      certificate_trouble_ = e.why();
    }
    if (spki_.empty() && identity_) {
      const auto public_key = chain_.front().public_key();
      spki_.assign(public_key.begin(), public_key.end());
    }
  }

  // What the token announces of what TLS needs of such a key; whether it is true, try_schemes() sees.
  void look_at_mechanisms() {
    std::vector<std::string_view> has, lacks;
    const bool is_rsa = key_info_.type.starts_with("RSA");
    for (const std::string_view name : {"CKM_ECDSA", "CKM_RSA_PKCS", "CKM_RSA_PKCS_PSS"}) {
      if (is_rsa == (name == "CKM_ECDSA")) continue;
      (std::ranges::count(info_.mechanisms, name) > 0 ? has : lacks).push_back(name);
    }
    note("mechanisms", fmt::format("{}{}{}{}", fmt::join(has, ", "), has.empty() || lacks.empty() ? "" : ", but ",
                                   lacks.empty() ? "" : "not ", fmt::join(lacks, " nor ")));
  }

  void look_at_attributes() {
    const auto place = "key \"" + key_info_.label + "\"";
    if (key_info_.is_extractable || !key_info_.is_sensitive) {
      const auto* what = key_info_.is_extractable ? "its CKA_EXTRACTABLE is true: it can leave the token"
                                                  : "its CKA_SENSITIVE is false: it can be read";
      refuse("key_protected",
             make_failure(errc::verdict_failed, place, what, "make a new key in the token: sluice token keygen"));
    } else {
      note("key_protected",
           fmt::format("sensitive and not extractable, {}",
                       key_info_.is_local ? "generated on the token"
                                          : "and the token does not report that it was generated on it"));
    }
    if (key_info_.always_authenticate)
      note("always_authenticate", "it wants its PIN for each signature: that works, and costs a login each time");
  }

  void look_at_sessions() {
    const auto limit = key_->stats().session_limit;
    const auto announced = info_.max_sessions == 0 ? std::string("the token announces no limit")
                                                   : fmt::format("the token allows {}", info_.max_sessions);
    note("sessions", fmt::format("{}; {} would be used{}", announced, limit,
                                 limit < 2 ? ", so one signature waits for another" : ""));
  }

  void try_schemes() {
    for (const auto scheme : testkit::schemes_for(spki_)) {
      const auto request = testkit::digest_to_sign(scheme, std::as_bytes(std::span("sluice token doctor")));
      const auto signature = key_->sign(request);
      scheme_trial trial{.scheme = scheme, .error = {}};
      if (!signature) {
        trial.error = signature.error();
      } else if (!testkit::verifies(spki_, request, *signature)) {
        trial.error =
            make_failure(errc::signature_mismatch, key_->name(), "what it signed does not verify with its public half");
      }
      made_.trials.push_back(std::move(trial));
    }
    if (spki_.empty()) {
      const auto reason = make_failure(errc::no_certificate, key_->name(),
                                       "the token does not hold the key's public half, so that nothing can be verified",
                                       "give the key's certificate with --cert FILE");
      refuse("tls1_3", reason);
      refuse("tls1_2", reason);
      return;
    }
    judge();
    for (const auto version : {tls_version::tls1_1, tls_version::tls1_0})
      made_.versions.push_back({version, working(version)});
  }

  std::vector<signature_scheme> working(tls_version version) const {
    std::vector<signature_scheme> schemes;
    for (const auto& t : made_.trials) {
      if (!t.error && is_of(version, t.scheme, spki_)) schemes.push_back(t.scheme);
    }
    return schemes;
  }

  // A server as `serve` makes it, with the certificate, or with one made for this.
  server_options server() {
    server_options made;
    if (!identity_) {
      const auto root = testkit::authority::make_root("token doctor").value();
      const auto issued = root.issue_for(spki_, {.common_name = "localhost", .names = {"localhost"}}).value();
      identity_.emplace(identity::from_chain(issued.chain, key_).value());
    }
    made.identities = {*identity_};
    return made;
  }

  void judge() {
    auto options = server();
    const auto of_1_3 = rehearse(options, tls_version::tls1_3);
    auto of_1_2 = rehearse(options, tls_version::tls1_2);
    std::string condition;
    if (of_1_2 && lacks_pss(*of_1_2, spki_)) {
      options.policy = policy_without_pss;
      if (!rehearse(options, tls_version::tls1_2)) {
        condition = std::string(", if the server is given --policy ") + policy_without_pss;
        of_1_2.reset();
      }
    }
    const bool is_pss_missing = of_1_3 && lacks_pss(*of_1_3, spki_);
    std::string instead;
    if (is_pss_missing) instead = "RSA keys need the mechanism CKM_RSA_PKCS_PSS there; use an EC key";
    if (is_pss_missing && !of_1_2)
      instead += std::string(", or a policy of TLS 1.2 that does without: --policy ") + policy_without_pss;
    if (!is_pss_missing && !of_1_2) instead = "limit the server to TLS 1.2: --max-tls 1.2";
    say(tls_version::tls1_3, "tls1_3", of_1_3, instead, "");
    say(tls_version::tls1_2, "tls1_2", of_1_2, of_1_3 ? "" : "limit the server to TLS 1.3: --min-tls 1.3", condition);
  }

  // Without a remedy of ours the failure's own is printed.
  void say(tls_version version, const char* name, const std::optional<failure>& reason, const std::string& remedy,
           const std::string& condition) {
    const auto schemes = working(version);
    made_.versions.push_back({version, reason ? std::vector<signature_scheme>() : schemes});
    if (!reason) {
      std::vector<std::string_view> names;
      names.reserve(schemes.size());
      for (const auto s : schemes) names.push_back(to_string(s));
      note(name, fmt::format("{} will work, with {}{}", to_string(version), fmt::join(names, ", "), condition));
      return;
    }
    auto reported = *reason;
    reported.where = key_->name();
    reported.detail =
        fmt::format("{} will not work{}{}", to_string(version), reason->detail.empty() ? "" : ": ", reason->detail);
    if (!remedy.empty()) reported.remedy = remedy;
    refuse(name, std::move(reported));
  }

  static std::string pem_of(const std::vector<certificate>& chain) {
    std::string pem;
    for (const auto& one : chain) pem += one.to_pem();
    return pem;
  }

  std::vector<certificate> read_chain() {
    if (!certificate_file_.empty()) return certificate::from_file(certificate_file_).value();
    auto wanted = place_.parsed();
    wanted.type.reset();
    auto chosen = token_->choose_certificate(wanted, spki_);
    if (!chosen) {
      if (chosen.error().code == errc::no_certificate) return {};
      throw error(chosen.error());
    }
    if (!chosen->passed_over.empty())
      choice_ = fmt::format("; of {} it is the one that lasts longest", chosen->passed_over.size() + 1);
    return std::move(chosen->chain);
  }

  void look_at_certificate() {
    attempt("certificate", [this] {
      if (certificate_trouble_) return refuse("certificate", *certificate_trouble_);
      if (chain_.empty()) return true;
      const auto& leaf = chain_.front();
      const auto now = std::chrono::system_clock::now();
      if (left_of(leaf) < std::chrono::seconds(0))
        give_up(errc::expired, leaf.subject(), "since " + iso_date(leaf.valid_until()),
                "have it renewed: sluice token csr");
      if (leaf.not_before() > now)
        give_up(errc::not_yet_valid, leaf.subject(), "before " + iso_date(leaf.valid_from()));
      return note("certificate", fmt::format("\"{}\", {} in the chain, belongs to the key and is valid until {}{}",
                                             leaf.subject(), chain_.size(), end_of(leaf), choice_));
    });
  }

  const token_place& place_;
  const std::string& certificate_file_;
  pkcs11::token_info info_;
  std::optional<pkcs11::token> token_;
  std::shared_ptr<pkcs11::key> key_;
  pkcs11::key_info key_info_;
  std::vector<std::byte> spki_;  // of the key, or of its certificate
  std::vector<certificate> chain_;
  std::string choice_;
  std::optional<failure> certificate_trouble_;
  std::optional<identity> identity_;
  diagnosis made_;
};

}  // namespace

bool diagnosis::is_good() const { return std::ranges::all_of(findings, &finding::is_good); }

int diagnosis::exit_code() const {
  const auto bad = std::ranges::find_if_not(findings, &finding::is_good);
  return bad == findings.end() ? exit_ok : exit_code_of(*bad->error);
}

diagnosis examine(const token_place& place, const std::string& certificate_file) {
  return examination(place, certificate_file).run();
}

}  // namespace sluice::tool
