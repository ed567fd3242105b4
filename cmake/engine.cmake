# s2n-tls and AWS-LC as two static archives, built once by engine/build and shared by every build tree of this
# checkout. Sets SLUICE_S2N_VERSION and the target sluice_engine.
set(SLUICE_ENGINE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/build/engine CACHE PATH "Where the engine's archives are built")

execute_process(COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/engine/build ${SLUICE_ENGINE_DIR} RESULT_VARIABLE engine_result)
if(NOT engine_result EQUAL 0)
  message(FATAL_ERROR "engine/build failed; run scripts/setup, which installs what it needs")
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/engine/Cargo.lock)

file(STRINGS ${SLUICE_ENGINE_DIR}/engine.txt engine_s2n REGEX "^s2n-tls-sys ")
string(REPLACE "s2n-tls-sys " "" SLUICE_S2N_VERSION "${engine_s2n}")

add_library(sluice_engine INTERFACE)
target_include_directories(sluice_engine SYSTEM INTERFACE ${SLUICE_ENGINE_DIR}/include)
target_link_libraries(sluice_engine INTERFACE
  ${SLUICE_ENGINE_DIR}/lib/libs2n-tls.a ${SLUICE_ENGINE_DIR}/lib/libaws-lc-crypto.a Threads::Threads)
