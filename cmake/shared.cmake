# libsluice.so: the three rooms in one shared library that exports sluice:: and nothing else, so that the engine's
# s2n_* symbols cannot meet another copy of s2n in the same process. Built for BUILD_SHARED_LIBS, and for the test
# that looks at its symbols.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/shared.cpp "// CMake asks for a source file; all of the code comes from the rooms.\n")
add_library(sluice_shared SHARED ${CMAKE_CURRENT_BINARY_DIR}/shared.cpp)
set_target_properties(sluice_shared PROPERTIES OUTPUT_NAME sluice EXPORT_NAME sluice LINKER_LANGUAGE CXX
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
if(NOT BUILD_SHARED_LIBS)
  set_target_properties(sluice_shared PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
target_compile_features(sluice_shared PUBLIC cxx_std_20)
target_include_directories(sluice_shared
  PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
add_dependencies(sluice_shared sluice_core sluice_pkcs11 sluice_asio)
set_property(TARGET sluice_shared APPEND PROPERTY LINK_DEPENDS
  "$<TARGET_FILE:sluice_core>;$<TARGET_FILE:sluice_pkcs11>;$<TARGET_FILE:sluice_asio>")
target_link_libraries(sluice_shared PUBLIC Boost::headers Threads::Threads
  PRIVATE $<BUILD_INTERFACE:sluice_engine> $<BUILD_INTERFACE:PkgConfig::P11KIT> ${CMAKE_DL_LIBS})
target_link_options(sluice_shared PRIVATE
  LINKER:--whole-archive $<TARGET_FILE:sluice_core> $<TARGET_FILE:sluice_pkcs11> $<TARGET_FILE:sluice_asio>
  LINKER:--no-whole-archive
  LINKER:--version-script=${CMAKE_CURRENT_SOURCE_DIR}/cmake/exports.map LINKER:--exclude-libs,libs2n-tls.a:libaws-lc-crypto.a)
