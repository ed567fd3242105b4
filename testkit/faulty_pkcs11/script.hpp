// SPDX-License-Identifier: Apache-2.0
// The faults of the faulty module: a TOML file, read again whenever it changes.
#pragma once

#include <p11-kit/pkcs11.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::faulty {

struct delay {
  std::chrono::microseconds least{}, most{};
};

// One entry of [[answer]]: what to answer, and to which calls of the function, counted since the script was read.
struct answer {
  std::string function;  // "C_Sign"
  CK_RV value = CKR_OK;
  std::uint64_t nth = 0;        // to this call only, from 1
  std::uint64_t every = 0;      // or to each such call
  double probability = 1.0;     // or to some
  bool after = false;           // do the work first, then answer this
  bool old_sessions = false;    // only in sessions that were open when the script was read
  bool until_finalize = false;  // no longer than until the next C_Finalize
};

// One entry of [[hang]]: the call does not return until a script without it is read.
struct hang {
  std::string function;
  std::uint64_t nth = 0;  // 0: every call
};

struct script {
  std::map<std::string, delay> latency;  // by function; "*" for the others
  std::vector<answer> answers;
  std::vector<hang> hangs;

  // [token]
  bool unplugged = false;
  std::uint64_t lose_sessions = 0;  // a new number: every open session is lost
  std::uint64_t lose_handles = 0;   // a new number: every object handle is void
  std::uint64_t log_out = 0;        // a new number: no session is logged in any more
  std::uint64_t session_limit = 0;  // 0: the target's
  bool announces_session_limit = false;
  std::map<std::string, std::string> replaced;  // objects asked for by one label are found by another
  std::vector<CK_MECHANISM_TYPE> without;       // mechanisms it pretends not to have
  bool always_authenticate = false;
  bool has_no_public_objects = false;
  std::uint64_t longest_input = 0;  // of C_Sign, in bytes; 0: what the target takes
  std::string signature;            // "odd": one byte short; "empty"; "" as it is

  // [pin]
  std::uint64_t tries = 0;  // wrong PINs until it is locked; 0: no counting
  bool final_try = false, locked = false, to_be_changed = false;
  std::optional<std::string> pad;  // the PIN typed on the token's own pad

  // [module]
  bool is_single_threaded = false;
  bool knows_no_arguments = false;    // C_Initialize takes NULL only
  std::optional<CK_VERSION> version;  // what C_GetFunctionList reports
};

// The script as it is now. Cheap: the file is looked at, and parsed only when it has changed. A script that cannot
// be parsed is reported on stderr and the last good one stays.
class script_file {
 public:
  explicit script_file(std::string path) : path_(std::move(path)) {}
  std::shared_ptr<const script> current(bool& is_new);

 private:
  std::string path_;
  std::shared_ptr<const script> last_ = std::make_shared<script>();
  std::uint64_t signature_ = 0;
};

}  // namespace sluice::faulty
