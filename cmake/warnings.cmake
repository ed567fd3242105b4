# How our own code is compiled; never passed on to users.
add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE -Wall -Wextra -Wconversion
  # g++ 12 warns of every designated initializer that leaves a member to its default.
  -Wno-missing-field-initializers)
if(SLUICE_WERROR)
  target_compile_options(sluice_warnings INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms: inside Boost's coroutine frames, and g++ 12 on std::string (GCC bug 105651).
  target_compile_options(sluice_warnings INTERFACE -Wno-mismatched-new-delete -Wno-restrict)
endif()

if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
  if(SLUICE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr)  # it opens a pipe to look at memory, and a test has no descriptor left
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A false alarm inside Boost that only the instrumented build raises.
    target_compile_options(sluice_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()
