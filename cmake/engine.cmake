# s2n-tls and AWS-LC. BUNDLED: two static archives of the pinned crates, built once by engine/build and shared by every
# build tree of this checkout. SYSTEM: what find_package(s2n) finds, which must have been built with AWS-LC.
# Sets the target sluice_engine, SLUICE_S2N_VERSION, and SLUICE_ENGINE_PC_LIBS for pkg-config.
set(SLUICE_S2N BUNDLED CACHE STRING "Where s2n-tls comes from: BUNDLED or SYSTEM")
set_property(CACHE SLUICE_S2N PROPERTY STRINGS BUNDLED SYSTEM)
add_library(sluice_engine INTERFACE)

if(SLUICE_S2N STREQUAL "SYSTEM")
  # The folders of s2n's package file are lists of others that it needs.
  find_package(Threads REQUIRED)
  find_package(s2n REQUIRED)
  find_path(SLUICE_S2N_UNSTABLE unstable/crl.h PATH_SUFFIXES s2n REQUIRED)
  target_include_directories(sluice_engine SYSTEM INTERFACE ${SLUICE_S2N_UNSTABLE})
  target_link_libraries(sluice_engine INTERFACE AWS::s2n Threads::Threads)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_LIBRARIES AWS::s2n)
  check_cxx_source_compiles("#include <openssl/base.h>
    #ifndef OPENSSL_IS_AWSLC
    #error another libcrypto
    #endif
    int main() {}" SLUICE_S2N_HAS_AWSLC)
  # s2n says its version nowhere. Release 1.7.6 is the first that has this function, and the first that refuses records
  # of TLS 1.3 with a changed outer type.
  check_cxx_source_compiles("extern \"C\" int s2n_config_set_timing_checkpoint_cb(void*, void*);
    int main() { return s2n_config_set_timing_checkpoint_cb(nullptr, nullptr); }" SLUICE_S2N_IS_1_7_6)
  unset(CMAKE_REQUIRED_LIBRARIES)
  if(NOT SLUICE_S2N_HAS_AWSLC)
    message(FATAL_ERROR "this s2n was built with another libcrypto than AWS-LC, which Sluice needs for keys and "
      "certificates; build s2n with AWS-LC, or leave -DSLUICE_S2N=SYSTEM out")
  endif()
  if(NOT SLUICE_S2N_IS_1_7_6)
    message(FATAL_ERROR "this s2n is older than 1.7.6: somebody on the path can make it drop records of TLS 1.3 "
      "unnoticed (CVE-2026-16317); install 1.7.6 or newer, or leave -DSLUICE_S2N=SYSTEM out")
  endif()
  set(SLUICE_S2N_VERSION "of the system")
  set(SLUICE_ENGINE_PC_LIBS "$<TARGET_FILE:AWS::s2n> $<TARGET_FILE:AWS::crypto>")
  return()
elseif(NOT SLUICE_S2N STREQUAL "BUNDLED")
  message(FATAL_ERROR "SLUICE_S2N is \"${SLUICE_S2N}\"; write BUNDLED or SYSTEM")
endif()

set(SLUICE_ENGINE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/build/engine CACHE PATH "Where the engine's archives are built")

execute_process(COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/engine/build ${SLUICE_ENGINE_DIR} RESULT_VARIABLE engine_result)
if(NOT engine_result EQUAL 0)
  message(FATAL_ERROR "engine/build failed; run scripts/setup, which installs what it needs")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/engine/Cargo.lock)

file(STRINGS ${SLUICE_ENGINE_DIR}/engine.txt engine_s2n REGEX "^s2n-tls-sys ")
string(REPLACE "s2n-tls-sys " "" SLUICE_S2N_VERSION "${engine_s2n}")
set(SLUICE_ENGINE_PC_LIBS "\${libdir}/sluice/libs2n-tls.a \${libdir}/sluice/libaws-lc-crypto.a")

target_include_directories(sluice_engine SYSTEM INTERFACE ${SLUICE_ENGINE_DIR}/include)
target_link_libraries(sluice_engine INTERFACE
  ${SLUICE_ENGINE_DIR}/lib/libs2n-tls.a ${SLUICE_ENGINE_DIR}/lib/libaws-lc-crypto.a Threads::Threads)
