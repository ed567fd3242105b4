# cpack -G DEB: the tool alone, with s2n, AWS-LC and Boost inside, and the licences of what is inside.
set(doc ${CMAKE_INSTALL_DATADIR}/doc/sluice)
install(FILES packaging/debian/changelog COMPONENT tool DESTINATION ${doc} RENAME changelog.Debian)
# The pages as they are read there: what they link and is not installed is named as a place in the source.
file(GLOB pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} README.md SECURITY.md CHANGELOG.md docs/*.md)
foreach(page ${pages})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page})
  file(READ ${page} text)
  string(REGEX REPLACE "\\[([^]]*)\\]\\((\\.\\./)?(examples|HACKING\\.md|STYLE\\.md|bench/[^)]*|tests/[^)]*)\\)"
    "\\1 (`\\3` in the source)" text "${text}")
  string(REPLACE "](schema" "](../../../sluice/schema" text "${text}")
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/pages/${page} "${text}")
endforeach()
install(DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/pages/ COMPONENT tool DESTINATION ${doc})
install(DIRECTORY docs/performance COMPONENT tool DESTINATION ${doc}/docs OPTIONAL
  FILES_MATCHING PATTERN *.svg)
# Headers of these are compiled in; Debian has their licences beside them.
set(missing)
foreach(name cli11 fmt tomlplusplus)
  set(text /usr/share/doc/lib${name}-dev/copyright)
  if(EXISTS ${text})
    install(FILES ${text} COMPONENT tool DESTINATION ${doc}/licenses RENAME ${name})
  else()
    list(APPEND missing ${text})
  endif()
endforeach()
if(missing)
  message(STATUS "No Debian package can be made here: it needs ${missing}")
  return()
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_CONTACT "The Sluice project <maintainers@sluice.invalid>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/package)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/cmake/compress.cmake)
set(CPACK_COMPONENTS_ALL tool)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_TOOL_PACKAGE_NAME sluice)
set(CPACK_DEBIAN_TOOL_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION net)
set(CPACK_DEBIAN_TOOL_PACKAGE_RECOMMENDS "softhsm2, openssl")  # for the demo and the lab
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "TLS from the terminal, with private keys that may live in a PKCS#11 token")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "A command line for TLS on s2n-tls and AWS-LC, both of which are inside.
It checks a server and says in one sentence what is wrong with it, is a
faithful pipe through TLS, a server for tests, an authority for development,
and a set of peers that misbehave. Private keys may live in a PKCS#11 token.")
include(CPack)
