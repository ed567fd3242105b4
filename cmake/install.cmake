# cmake --install, and what find_package(sluice) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

if(BUILD_SHARED_LIBS)
  install(TARGETS sluice_shared EXPORT sluiceTargets)
else()
  install(TARGETS sluice_core sluice_pkcs11 sluice_asio sluice EXPORT sluiceTargets)
  install(FILES ${SLUICE_ENGINE_DIR}/lib/libs2n-tls.a ${SLUICE_ENGINE_DIR}/lib/libaws-lc-crypto.a
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/sluice)
endif()
install(DIRECTORY include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(SLUICE_TOOLS)
  install(DIRECTORY docs/schema DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice)
endif()
install(EXPORT sluiceTargets NAMESPACE sluice:: DESTINATION ${package_dir})

configure_package_config_file(cmake/sluiceConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/sluiceConfigVersion.cmake
  DESTINATION ${package_dir})
