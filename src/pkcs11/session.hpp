// SPDX-License-Identifier: Apache-2.0
// One PKCS#11 session and what is done with it. Belongs to one thread: a session is not for two.
#pragma once

#include "pkcs11/der.hpp"
#include "pkcs11/library.hpp"
#include "sluice/private_key.hpp"

#include <boost/system/result.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {
inline namespace v0 {
namespace pkcs11 {

// What to look for on a token. Absent: anything.
struct object_search {
  CK_OBJECT_CLASS type = CKO_PRIVATE_KEY;
  std::optional<std::string> label;
  std::optional<std::vector<std::byte>> id;
};

// What a signature must know of its key.
struct key_kind {
  CK_KEY_TYPE type = CKK_RSA;
  std::size_t order_size = 0;  // EC: the order of the curve, in bytes; 0: not known
};

// What a token makes of a piece of work: bytes, or an error: a CKR value (pkcs11_category), or errc::encoding_error
// when the call succeeded and its bytes are no signature.
using token_answer = boost::system::result<der::bytes, error_code>;

// The answer of work that makes no bytes.
token_answer answer_of(CK_RV rv);

// Called between C_SignInit and C_Sign for a key that wants its PIN each time (CKA_ALWAYS_AUTHENTICATE).
using authenticate_once = std::function<CK_RV(const class session&)>;

// Neither locks nor checks: one thread, and inside a module_visit. A handle has no generation of its own; whoever keeps
// a session compares library::generation() and calls forget(), because closing a number from before may close
// another's.
class session {
 public:
  explicit session(const library& lib) : lib_(lib) {}
  ~session() { close(); }
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  CK_RV open(CK_SLOT_ID slot, bool is_read_write = false);
  void close() noexcept;
  void forget() noexcept { handle_ = CK_INVALID_HANDLE; }  // the token has lost it already
  bool is_open() const noexcept { return handle_ != CK_INVALID_HANDLE; }
  CK_SESSION_HANDLE handle() const noexcept { return handle_; }
  const library& lib() const noexcept { return lib_; }

  bool is_user() const;  // does the token think that the user has logged in?
  CK_RV login(CK_USER_TYPE who, std::optional<std::string_view> pin) const;  // no PIN: the token's own pad
  // All of them, however many a call hands out: only a call that finds none ends a search (PKCS#11 v2.40 §5.7).
  CK_RV find(const object_search& wanted, std::vector<CK_OBJECT_HANDLE>& found) const;
  CK_RV attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, der::bytes& value) const;

  // One C_Sign call with room for any signature; the length is asked for only when that was too little. ECDSA signs
  // the leftmost bytes of a digest that is longer than the curve's order: some tokens refuse more.
  token_answer sign(CK_OBJECT_HANDLE key, const key_kind& kind, const sign_request& request,
                    const authenticate_once& authenticate) const;
  CK_RV decrypt(CK_OBJECT_HANDLE key, CK_KEY_TYPE type, der::view ciphertext, const authenticate_once& authenticate,
                der::bytes& plaintext) const;

 private:
  CK_RV sign_raw(CK_OBJECT_HANDLE key, CK_MECHANISM& mechanism, der::view input, const authenticate_once& authenticate,
                 der::bytes& out) const;

  const library& lib_;
  CK_SESSION_HANDLE handle_ = CK_INVALID_HANDLE;
};

}  // namespace pkcs11
}  // namespace v0
}  // namespace sluice
