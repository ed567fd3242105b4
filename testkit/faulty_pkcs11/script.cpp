// SPDX-License-Identifier: Apache-2.0
#include "script.hpp"

#include <toml++/toml.h>

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>

namespace sluice::faulty {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

// "20ms", "500us", "1s"
std::chrono::microseconds duration(const std::string& text) {
  char* unit = nullptr;
  const double number = std::strtod(text.c_str(), &unit);
  const std::string_view rest = unit;
  if (rest == "us") return std::chrono::microseconds(static_cast<long>(number));
  if (rest == "ms") return std::chrono::microseconds(static_cast<long>(number * 1e3));
  if (rest == "s") return std::chrono::microseconds(static_cast<long>(number * 1e6));
  refuse("\"" + text + "\" is not a duration such as 20ms");
}

// "20ms" or "10ms..30ms"
delay parse_delay(const std::string& text) {
  const auto dots = text.find("..");
  if (dots == text.npos) return {duration(text), duration(text)};
  return {duration(text.substr(0, dots)), duration(text.substr(dots + 2))};
}

struct named {
  const char* name;
  CK_ULONG value;
};
#define SLUICE_NAMED(x) \
  { #x, x }
constexpr named answers[] = {
    SLUICE_NAMED(CKR_OK),
    SLUICE_NAMED(CKR_CANCEL),
    SLUICE_NAMED(CKR_HOST_MEMORY),
    SLUICE_NAMED(CKR_SLOT_ID_INVALID),
    SLUICE_NAMED(CKR_GENERAL_ERROR),
    SLUICE_NAMED(CKR_FUNCTION_FAILED),
    SLUICE_NAMED(CKR_ARGUMENTS_BAD),
    SLUICE_NAMED(CKR_NO_EVENT),
    SLUICE_NAMED(CKR_NEED_TO_CREATE_THREADS),
    SLUICE_NAMED(CKR_CANT_LOCK),
    SLUICE_NAMED(CKR_ATTRIBUTE_READ_ONLY),
    SLUICE_NAMED(CKR_ATTRIBUTE_SENSITIVE),
    SLUICE_NAMED(CKR_ATTRIBUTE_TYPE_INVALID),
    SLUICE_NAMED(CKR_ATTRIBUTE_VALUE_INVALID),
    SLUICE_NAMED(CKR_DATA_INVALID),
    SLUICE_NAMED(CKR_DATA_LEN_RANGE),
    SLUICE_NAMED(CKR_DEVICE_ERROR),
    SLUICE_NAMED(CKR_DEVICE_MEMORY),
    SLUICE_NAMED(CKR_DEVICE_REMOVED),
    SLUICE_NAMED(CKR_ENCRYPTED_DATA_INVALID),
    SLUICE_NAMED(CKR_ENCRYPTED_DATA_LEN_RANGE),
    SLUICE_NAMED(CKR_FUNCTION_CANCELED),
    SLUICE_NAMED(CKR_FUNCTION_NOT_PARALLEL),
    SLUICE_NAMED(CKR_FUNCTION_NOT_SUPPORTED),
    SLUICE_NAMED(CKR_KEY_HANDLE_INVALID),
    SLUICE_NAMED(CKR_KEY_SIZE_RANGE),
    SLUICE_NAMED(CKR_KEY_TYPE_INCONSISTENT),
    SLUICE_NAMED(CKR_KEY_NOT_NEEDED),
    SLUICE_NAMED(CKR_KEY_CHANGED),
    SLUICE_NAMED(CKR_KEY_NEEDED),
    SLUICE_NAMED(CKR_KEY_INDIGESTIBLE),
    SLUICE_NAMED(CKR_KEY_FUNCTION_NOT_PERMITTED),
    SLUICE_NAMED(CKR_KEY_NOT_WRAPPABLE),
    SLUICE_NAMED(CKR_KEY_UNEXTRACTABLE),
    SLUICE_NAMED(CKR_MECHANISM_INVALID),
    SLUICE_NAMED(CKR_MECHANISM_PARAM_INVALID),
    SLUICE_NAMED(CKR_OBJECT_HANDLE_INVALID),
    SLUICE_NAMED(CKR_OPERATION_ACTIVE),
    SLUICE_NAMED(CKR_OPERATION_NOT_INITIALIZED),
    SLUICE_NAMED(CKR_PIN_INCORRECT),
    SLUICE_NAMED(CKR_PIN_INVALID),
    SLUICE_NAMED(CKR_PIN_LEN_RANGE),
    SLUICE_NAMED(CKR_PIN_EXPIRED),
    SLUICE_NAMED(CKR_PIN_LOCKED),
    SLUICE_NAMED(CKR_SESSION_CLOSED),
    SLUICE_NAMED(CKR_SESSION_COUNT),
    SLUICE_NAMED(CKR_SESSION_HANDLE_INVALID),
    SLUICE_NAMED(CKR_SESSION_PARALLEL_NOT_SUPPORTED),
    SLUICE_NAMED(CKR_SESSION_READ_ONLY),
    SLUICE_NAMED(CKR_SESSION_EXISTS),
    SLUICE_NAMED(CKR_SESSION_READ_ONLY_EXISTS),
    SLUICE_NAMED(CKR_SESSION_READ_WRITE_SO_EXISTS),
    SLUICE_NAMED(CKR_SIGNATURE_INVALID),
    SLUICE_NAMED(CKR_SIGNATURE_LEN_RANGE),
    SLUICE_NAMED(CKR_TEMPLATE_INCOMPLETE),
    SLUICE_NAMED(CKR_TEMPLATE_INCONSISTENT),
    SLUICE_NAMED(CKR_TOKEN_NOT_PRESENT),
    SLUICE_NAMED(CKR_TOKEN_NOT_RECOGNIZED),
    SLUICE_NAMED(CKR_TOKEN_WRITE_PROTECTED),
    SLUICE_NAMED(CKR_UNWRAPPING_KEY_SIZE_RANGE),
    SLUICE_NAMED(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT),
    SLUICE_NAMED(CKR_USER_ALREADY_LOGGED_IN),
    SLUICE_NAMED(CKR_USER_NOT_LOGGED_IN),
    SLUICE_NAMED(CKR_USER_PIN_NOT_INITIALIZED),
    SLUICE_NAMED(CKR_USER_TYPE_INVALID),
    SLUICE_NAMED(CKR_USER_ANOTHER_ALREADY_LOGGED_IN),
    SLUICE_NAMED(CKR_USER_TOO_MANY_TYPES),
    SLUICE_NAMED(CKR_WRAPPED_KEY_INVALID),
    SLUICE_NAMED(CKR_WRAPPED_KEY_LEN_RANGE),
    SLUICE_NAMED(CKR_WRAPPING_KEY_HANDLE_INVALID),
    SLUICE_NAMED(CKR_WRAPPING_KEY_SIZE_RANGE),
    SLUICE_NAMED(CKR_WRAPPING_KEY_TYPE_INCONSISTENT),
    SLUICE_NAMED(CKR_RANDOM_SEED_NOT_SUPPORTED),
    SLUICE_NAMED(CKR_RANDOM_NO_RNG),
    SLUICE_NAMED(CKR_DOMAIN_PARAMS_INVALID),
    SLUICE_NAMED(CKR_BUFFER_TOO_SMALL),
    SLUICE_NAMED(CKR_SAVED_STATE_INVALID),
    SLUICE_NAMED(CKR_INFORMATION_SENSITIVE),
    SLUICE_NAMED(CKR_STATE_UNSAVEABLE),
    SLUICE_NAMED(CKR_CRYPTOKI_NOT_INITIALIZED),
    SLUICE_NAMED(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    SLUICE_NAMED(CKR_MUTEX_BAD),
    SLUICE_NAMED(CKR_MUTEX_NOT_LOCKED),
};
constexpr named mechanisms[] = {
    SLUICE_NAMED(CKM_RSA_PKCS),
    SLUICE_NAMED(CKM_RSA_X_509),
    SLUICE_NAMED(CKM_RSA_PKCS_PSS),
    SLUICE_NAMED(CKM_ECDSA),
    SLUICE_NAMED(CKM_SHA256_RSA_PKCS),
    SLUICE_NAMED(CKM_SHA256_RSA_PKCS_PSS),
    SLUICE_NAMED(CKM_RSA_PKCS_KEY_PAIR_GEN),
    SLUICE_NAMED(CKM_EC_KEY_PAIR_GEN),
};
#undef SLUICE_NAMED

// A known name, or a number such as "0x80000001".
template <std::size_t N>
CK_ULONG value_of(const named (&table)[N], const std::string& text) {
  for (const auto& row : table) {
    if (text == row.name) return row.value;
  }
  char* end = nullptr;
  const auto number = std::strtoul(text.c_str(), &end, 0);
  if (end == text.c_str() || *end != '\0') refuse("\"" + text + "\" is neither a known name nor a number");
  return number;
}

// A table whose every key must be one that is asked for.
class strict_table {
 public:
  strict_table(const toml::table& table, std::string name) : table_(table), name_(std::move(name)) {}
  template <class T>
  std::optional<T> get(const std::string& key) {
    known_.insert(key);
    const auto node = table_[key];
    if (!node) return std::nullopt;
    const auto value = node.template value<T>();
    if (!value) refuse(name_ + "." + key + " has the wrong type");
    return value;
  }
  template <class T>
  void read(const std::string& key, T& into) {
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (const auto value = get<std::int64_t>(key)) into = static_cast<std::uint64_t>(*value);
    } else if (const auto value = get<T>(key)) {
      into = *value;
    }
  }
  const toml::table* table(const std::string& key) {
    known_.insert(key);
    return table_[key].as_table();
  }
  const toml::array* array(const std::string& key) {
    known_.insert(key);
    return table_[key].as_array();
  }
  void done() const {
    for (const auto& [key, value] : table_) {
      if (!known_.contains(std::string(key.str()))) refuse("there is no " + name_ + "." + std::string(key.str()));
    }
  }

 private:
  const toml::table& table_;
  std::string name_;
  std::set<std::string> known_;
};

void read_token(const toml::table& table, script& s) {
  strict_table t(table, "token");
  t.read("unplugged", s.unplugged);
  t.read("lose_sessions", s.lose_sessions);
  t.read("lose_handles", s.lose_handles);
  t.read("log_out", s.log_out);
  t.read("session_limit", s.session_limit);
  t.read("announces_session_limit", s.announces_session_limit);
  t.read("always_authenticate", s.always_authenticate);
  t.read("has_no_public_objects", s.has_no_public_objects);
  t.read("longest_input", s.longest_input);
  t.read("signature", s.signature);
  if (const auto* replaced = t.table("replaced")) {
    for (const auto& [from, to] : *replaced) s.replaced[std::string(from.str())] = to.value_or(std::string());
  }
  if (const auto* without = t.array("without")) {
    for (const auto& name : *without) s.without.push_back(value_of(mechanisms, name.value_or(std::string())));
  }
  t.done();
}

void read_pin(const toml::table& table, script& s) {
  strict_table t(table, "pin");
  t.read("tries", s.tries);
  t.read("final_try", s.final_try);
  t.read("locked", s.locked);
  t.read("to_be_changed", s.to_be_changed);
  s.pad = t.get<std::string>("pad");
  t.done();
}

void read_module(const toml::table& table, script& s) {
  strict_table t(table, "module");
  t.read("single_threaded", s.is_single_threaded);
  t.read("knows_no_arguments", s.knows_no_arguments);
  if (const auto text = t.get<std::string>("version")) {
    const auto dot = text->find('.');
    if (dot == text->npos) refuse("module.version is such as \"3.0\"");
    s.version = CK_VERSION{static_cast<unsigned char>(std::stoi(*text)),
                           static_cast<unsigned char>(std::stoi(text->substr(dot + 1)))};
  }
  t.done();
}

script parse(const toml::table& root) {
  script s;
  strict_table t(root, "script");
  if (const auto* latency = t.table("latency")) {
    for (const auto& [function, text] : *latency)
      s.latency[std::string(function.str())] = parse_delay(text.value_or(std::string()));
  }
  if (const auto* entries = t.array("answer")) {
    for (const auto& entry : *entries) {
      strict_table e(*entry.as_table(), "answer");
      answer a;
      e.read("function", a.function);
      a.value = value_of(answers, e.get<std::string>("value").value_or("CKR_GENERAL_ERROR"));
      e.read("nth", a.nth);
      e.read("every", a.every);
      e.read("probability", a.probability);
      e.read("after", a.after);
      e.read("old_sessions", a.old_sessions);
      e.read("until_finalize", a.until_finalize);
      e.done();
      s.answers.push_back(std::move(a));
    }
  }
  if (const auto* entries = t.array("hang")) {
    for (const auto& entry : *entries) {
      strict_table e(*entry.as_table(), "hang");
      hang h;
      e.read("function", h.function);
      e.read("nth", h.nth);
      e.done();
      s.hangs.push_back(std::move(h));
    }
  }
  if (const auto* token = t.table("token")) read_token(*token, s);
  if (const auto* pin = t.table("pin")) read_pin(*pin, s);
  if (const auto* module = t.table("module")) read_module(*module, s);
  t.done();
  return s;
}

// Differs whenever the file was replaced or rewritten; 0 when there is none.
std::uint64_t signature_of(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return 0;
  std::uint64_t mixed = 1469598103934665603u;
  for (const auto part :
       {static_cast<std::uint64_t>(info.st_ino), static_cast<std::uint64_t>(info.st_size),
        static_cast<std::uint64_t>(info.st_mtim.tv_sec), static_cast<std::uint64_t>(info.st_mtim.tv_nsec)}) {
    mixed = (mixed ^ part) * 1099511628211u;
  }
  return mixed | 1;
}

}  // namespace

std::shared_ptr<const script> script_file::current(bool& is_new) {
  const auto signature = signature_of(path_);
  is_new = signature != signature_;
  if (!is_new) return last_;
  signature_ = signature;
  if (signature == 0) return last_ = std::make_shared<script>();
  try {
    last_ = std::make_shared<script>(parse(toml::parse_file(path_)));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "sluice-faulty-pkcs11: %s: %s; the script before it stays\n", path_.c_str(), e.what());
    is_new = false;
  }
  return last_;
}

}  // namespace sluice::faulty
