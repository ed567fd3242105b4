// SPDX-License-Identifier: Apache-2.0
// Sizes that s2n's parameters cannot hold are refused before s2n is called. The spans are made up and never read.
#include "core/engine_calls.hpp"
#include "support/flavour.hpp"
#include "unit/wrapped/sent_buffers.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <climits>
#include <cstdint>

namespace {

// Every call of a wrapped function is counted, and goes on to s2n.
int calls = 0;

}  // namespace

extern "C" {
int __real_s2n_async_pkey_op_set_output(s2n_async_pkey_op*, const uint8_t*, uint32_t);
int __wrap_s2n_async_pkey_op_set_output(s2n_async_pkey_op* op, const uint8_t* data, uint32_t size) {
  ++calls;
  return __real_s2n_async_pkey_op_set_output(op, data, size);
}
int __real_s2n_cert_chain_and_key_load_public_pem_bytes(s2n_cert_chain_and_key*, uint8_t*, uint32_t);
int __wrap_s2n_cert_chain_and_key_load_public_pem_bytes(s2n_cert_chain_and_key* chain, uint8_t* pem, uint32_t size) {
  ++calls;
  return __real_s2n_cert_chain_and_key_load_public_pem_bytes(chain, pem, size);
}
int __real_s2n_cert_chain_and_key_load_pem_bytes(s2n_cert_chain_and_key*, uint8_t*, uint32_t, uint8_t*, uint32_t);
int __wrap_s2n_cert_chain_and_key_load_pem_bytes(s2n_cert_chain_and_key* chain, uint8_t* pem, uint32_t size,
                                                 uint8_t* key, uint32_t key_size) {
  ++calls;
  return __real_s2n_cert_chain_and_key_load_pem_bytes(chain, pem, size, key, key_size);
}
int __real_s2n_cert_chain_and_key_set_ocsp_data(s2n_cert_chain_and_key*, const uint8_t*, uint32_t);
int __wrap_s2n_cert_chain_and_key_set_ocsp_data(s2n_cert_chain_and_key* chain, const uint8_t* data, uint32_t size) {
  ++calls;
  return __real_s2n_cert_chain_and_key_set_ocsp_data(chain, data, size);
}
ssize_t __real_s2n_recv(s2n_connection*, void*, ssize_t, s2n_blocked_status*);
ssize_t __wrap_s2n_recv(s2n_connection* connection, void* into, ssize_t size, s2n_blocked_status* blocked) {
  ++calls;
  return __real_s2n_recv(connection, into, size, blocked);
}
ssize_t __real_s2n_sendv(s2n_connection*, const iovec*, ssize_t, s2n_blocked_status*);
ssize_t __wrap_s2n_sendv(s2n_connection* connection, const iovec* from, ssize_t count, s2n_blocked_status* blocked) {
  ++calls;
  sluice::test::last_sent = {from, {from, from + count}};
  return __real_s2n_sendv(connection, from, count, blocked);
}
}

namespace sluice::test {
namespace {

constexpr std::size_t above_32_bits = std::size_t{1} << 32;
constexpr std::size_t above_ssize = static_cast<std::size_t>(SSIZE_MAX) + 1;
const auto out_of_range = boost::system::errc::make_error_code(boost::system::errc::result_out_of_range);

// An address that is never read. NOLINTNEXTLINE(performance-no-int-to-ptr)
std::byte* nowhere() { return reinterpret_cast<std::byte*>(std::uintptr_t{0x1000}); }
std::span<std::byte> span_of(std::size_t size) { return {nowhere(), size}; }
std::string_view text_of(std::size_t size) { return {reinterpret_cast<const char*>(nowhere()), size}; }

struct widths : ::testing::Test {
  widths() { calls = 0; }
};

TEST_F(widths, of_a_signature_are_checked) {
  for (const auto size : {above_32_bits, above_32_bits + 256, SIZE_MAX})
    EXPECT_EQ(internal::set_output(nullptr, span_of(size)), out_of_range);
  EXPECT_EQ(calls, 0);
  EXPECT_TRUE(internal::set_output(nullptr, span_of(above_32_bits - 1)));  // s2n's own error, for the null
  EXPECT_EQ(calls, 1);
}

TEST_F(widths, of_a_chain_are_checked) {
  for (const auto size : {above_32_bits, above_32_bits + 256, SIZE_MAX}) {
    EXPECT_EQ(internal::load_public_chain(nullptr, text_of(size)), out_of_range);
    EXPECT_EQ(internal::load_chain_and_key(nullptr, text_of(size), "key"), out_of_range);
    EXPECT_EQ(internal::load_chain_and_key(nullptr, "chain", text_of(size)), out_of_range);
  }
  EXPECT_EQ(calls, 0);
}

TEST_F(widths, of_a_stapled_response_are_checked) {
  EXPECT_EQ(internal::set_ocsp_response(nullptr, span_of(above_32_bits)), out_of_range);
  EXPECT_EQ(calls, 0);
  const auto made = site_identity().with_ocsp_response(span_of(above_32_bits));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, out_of_range);
  EXPECT_EQ(made.error().where, "OCSP response");
}

TEST_F(widths, of_pem_texts_are_checked_before_they_are_looked_at) {
  for (const auto& made : {identity::from_pem(text_of(above_32_bits), site().key),
                           identity::from_pem(site().chain, text_of(above_32_bits)),
                           identity::from_pem(text_of(SIZE_MAX), text_of(SIZE_MAX))}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, out_of_range);
    EXPECT_EQ(made.error().detail, "larger than 2 GiB");
  }
  EXPECT_EQ(trust::from_pem(text_of(above_32_bits)).error().code, out_of_range);
  EXPECT_EQ(certificate::from_pem(text_of(above_32_bits)).error().code, out_of_range);
  EXPECT_EQ(calls, 0);
}

struct widths_of_data : ::testing::TestWithParam<flavour> {
  widths_of_data() {
    EXPECT_TRUE(p.handshake());
    calls = 0;
  }
  void expect_alive() {
    EXPECT_FALSE(p.client.has_failed());
    EXPECT_TRUE(p.client.is_established());
    EXPECT_EQ(p.client.last_failure().code, out_of_range) << "why the call was refused";
    EXPECT_EQ(p.client_to_server("still"), "still");
    EXPECT_EQ(p.server_to_client("here"), "here");
  }
  pair p = make_pair(GetParam());
};

TEST_P(widths_of_data, read_are_checked_and_do_not_kill_the_connection) {
  for (const auto size : {above_ssize, SIZE_MAX}) {
    const auto st = p.client.read(p.client_io, span_of(size));
    EXPECT_EQ(st.error, out_of_range);
    EXPECT_EQ(st.bytes, 0u);
  }
  EXPECT_EQ(calls, 0);
  expect_alive();
}

TEST_P(widths_of_data, written_are_checked_and_do_not_kill_the_connection) {
  const std::vector<std::vector<iovec>> rows = {
      {{nowhere(), above_ssize}},
      {{nowhere(), SIZE_MAX}},
      {{nowhere(), 5}, {nowhere(), above_ssize}},
      {{nowhere(), SIZE_MAX}, {nowhere(), SIZE_MAX}},
  };
  for (const auto& row : rows) {
    const auto st = p.client.write(p.client_io, row);
    EXPECT_EQ(st.error, out_of_range);
    EXPECT_EQ(st.bytes, 0u);
    EXPECT_TRUE(p.client.unsent().empty());
  }
  EXPECT_EQ(calls, 0);
  expect_alive();
}

TEST_P(widths_of_data, that_fit_reach_s2n) {
  EXPECT_EQ(write_text(p.client, p.client_io, "x").bytes, 1u);
  EXPECT_EQ(calls, 1);
}

INSTANTIATE_TEST_SUITE_P(checked, widths_of_data, ::testing::Values(tls12, tls13), flavour_name);

}  // namespace
}  // namespace sluice::test
