# cmake --install, and what find_package(sluice) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

if(BUILD_SHARED_LIBS)
  install(TARGETS sluice_shared EXPORT sluiceTargets)
else()
  install(TARGETS sluice_core sluice_pkcs11 sluice_asio sluice EXPORT sluiceTargets)
  if(SLUICE_S2N STREQUAL "BUNDLED")
    install(FILES ${SLUICE_ENGINE_DIR}/lib/libs2n-tls.a ${SLUICE_ENGINE_DIR}/lib/libaws-lc-crypto.a
      DESTINATION ${CMAKE_INSTALL_LIBDIR}/sluice)
  endif()
endif()
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(SLUICE_TOOLS)
  install(DIRECTORY docs/schema DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice COMPONENT tool)
endif()
install(EXPORT sluiceTargets NAMESPACE sluice:: DESTINATION ${package_dir})

set(SLUICE_BOOST_VERSION ${Boost_VERSION_STRING})
if(NOT SLUICE_BOOST_VERSION)
  set(SLUICE_BOOST_VERSION ${Boost_VERSION})
endif()
configure_package_config_file(cmake/sluiceConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake
  DESTINATION ${package_dir})

# The licences of what is inside the archives and the programs: with the tool where there is one.
set(doc ${CMAKE_INSTALL_DATADIR}/doc/sluice)
set(licences_with licenses)
if(SLUICE_TOOLS AND PROJECT_IS_TOP_LEVEL)
  set(licences_with tool)
endif()
install(FILES packaging/debian/copyright COMPONENT ${licences_with} DESTINATION ${doc})
install(DIRECTORY packaging/licenses/ COMPONENT ${licences_with} DESTINATION ${doc}/licenses)
if(SLUICE_S2N STREQUAL "BUNDLED")
  install(DIRECTORY ${SLUICE_ENGINE_DIR}/licenses/ COMPONENT ${licences_with} DESTINATION ${doc}/licenses)
endif()

# What pkg-config tells: for static archives all of them, the engine's by their paths, so that no other s2n is met.
file(RELATIVE_PATH sluice_pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
if(BUILD_SHARED_LIBS)
  set(sluice_pc_requires "")
  set(sluice_pc_libs "-L\${libdir} -lsluice -pthread")
else()
  set(sluice_pc_requires "Requires: p11-kit-1")
  set(sluice_pc_libs
    "-L\${libdir} -lsluice_asio -lsluice_pkcs11 -lsluice_core ${SLUICE_ENGINE_PC_LIBS} -l${CMAKE_DL_LIBS} -pthread")
endif()
configure_file(cmake/sluice.pc.in ${CMAKE_CURRENT_BINARY_DIR}/sluice.pc.in @ONLY)
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/sluice.pc INPUT ${CMAKE_CURRENT_BINARY_DIR}/sluice.pc.in)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sluice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
