// SPDX-License-Identifier: Apache-2.0
// A certificate authority in a folder: ca.pem, ca.key, what it issued, and what it took back.
#pragma once

#include "testkit/authority/ocsp.hpp"
#include "testkit/authority/revocation.hpp"
#include "sluice/certificate.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tool {

class ca_folder {
 public:
  explicit ca_folder(std::filesystem::path where) : where_(std::move(where)) {}

  void create(const testkit::authority& made) const;  // gives up where there is one already
  testkit::authority authority() const;

  // Every file of ours is for its owner only, and never written over.
  std::string write_new(const std::string& name, std::string_view text) const;
  void refuse_existing(const std::string& name) const;

  // Every certificate made here is written down: of others nothing is known.
  void record_issued(const certificate& one) const;
  testkit::certificate_standing standing(const std::string& serial) const;

  // The list of what is revoked, a line each: the serial number and the time.
  std::vector<testkit::revoked> revoked() const;
  bool revoke(const certificate& one) const;  // false: it was already
  std::string write_revocation_list(std::chrono::hours validity) const;

 private:
  std::filesystem::path where_;
};

}  // namespace sluice::tool
