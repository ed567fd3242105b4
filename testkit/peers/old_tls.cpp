// SPDX-License-Identifier: Apache-2.0
#include "testkit/peers/old_tls.hpp"

#include "testkit/peers/answer.hpp"
#include "testkit/peers/old_tls_script.hpp"
#include "testkit/peers/relay.hpp"

#include "sluice/error.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace sluice::testkit::peers {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;

struct pipe_ends {
  int read = -1, write = -1;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw error(make_failure(errc::internal, "pipe", "none can be made"));
  return {ends[0], ends[1]};
}

std::string read_line(int descriptor) {
  std::string line;
  char c = 0;
  while (::read(descriptor, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string last_line_of(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  const auto at = text.rfind('\n');
  return at == text.npos ? text : text.substr(at + 1);
}

pid_t start(const std::string& python, const std::string& script, const std::string& log, int in, int out) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  std::array<std::string, 3> words{python, "-B", script};
  std::array<char*, 4> arguments{words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, python.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? child : -1;
}

json::array version_of(tls_version version) {
  const auto value = static_cast<unsigned>(version);
  return {value >> 8U, value & 0xffU};
}

void put(json::object& settings, const char* name, const std::vector<std::string>& values) {
  if (!values.empty()) settings[name] = json::array(values.begin(), values.end());
}

std::string wish(const old_choice& choice, const std::string& chain, const std::string& key) {
  json::object settings{{"minVersion", version_of(choice.min)}, {"maxVersion", version_of(choice.max)}};
  put(settings, "cipherNames", choice.ciphers);
  put(settings, "macNames", choice.macs);
  put(settings, "keyExchangeNames", choice.key_exchanges);
  put(settings, "eccCurves", choice.groups);
  put(settings, "keyShares", choice.groups);
  json::value prime;
  if (!choice.prime.empty()) prime = json::array{2, choice.prime};
  return json::serialize(json::object{{"chain", chain},
                                      {"key", key},
                                      {"page", page},
                                      {"anonymous", choice.is_anonymous},
                                      {"prime", std::move(prime)},
                                      {"asks_again", choice.asks_again},
                                      {"settings", std::move(settings)}}) +
         "\n";
}

}  // namespace

std::string old_tls_python() {
  if (const char* given = std::getenv("SLUICE_LAB_PYTHON"); given != nullptr && *given != '\0') return given;
  std::error_code ec;
  const auto program = fs::read_symlink("/proc/self/exe", ec);
  const auto python = program.parent_path().parent_path() / "peers" / "bin" / "python";
  return fs::exists(python, ec) ? python.string() : std::string();
}

std::string old_tls_remedy() {
  if (!old_tls_python().empty()) return {};
  return "run `scripts/setup --peers`, or set SLUICE_LAB_PYTHON to a Python that has tlslite-ng";
}

old_tls_server::old_tls_server(const testkit::scratch_folder& folder) {
  const auto python = old_tls_python();
  const auto log = (folder.path() / "old_tls.log").string();
  const auto in = make_pipe(), out = make_pipe();
  process_ = start(python, folder.write("old_tls.py", old_tls_script), log, in.read, out.write);
  stdin_ = in.write;
  ::close(in.read);
  ::close(out.write);
  const auto port = read_line(out.read);
  ::close(out.read);
  if (process_ > 0 && !port.empty()) {
    address_ = {asio::ip::address_v4::loopback(), static_cast<unsigned short>(std::stoul(port))};
    return;
  }
  ::close(stdin_);
  if (process_ > 0) ::waitpid(process_, nullptr, 0);
  throw error(make_failure(errc::internal, python, "it does not serve the lab's old TLS: " + last_line_of(text_of(log)),
                           "run `scripts/setup --peers`, or set SLUICE_LAB_PYTHON to a Python that has tlslite-ng"));
}

old_tls_server::~old_tls_server() {
  ::close(stdin_);
  ::waitpid(process_, nullptr, 0);
}

server_function old_tls_server::serve(const old_choice& choice, const std::string& chain,
                                      const std::string& key) const {
  return [address = address_, first = wish(choice, chain, key)](tcp::socket socket) {
    return relay_to(std::move(socket), address, first);
  };
}

}  // namespace sluice::testkit::peers
