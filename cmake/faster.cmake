# How a build is made quick. None of it changes what is built, but for the optimisation of code that runs once a process.

set(SLUICE_UNITY_BATCH 8 CACHE STRING "How many source files are compiled as one; 0: all of a target")

# sluice_unity(TARGET [FILE...]): with SLUICE_UNITY the sources of TARGET are compiled eight at a time. What they
# include, and instantiate of Asio's templates, is most of their cost. The FILEs are compiled alone, since their local
# names clash with others.
function(sluice_unity target)
  if(NOT SLUICE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${SLUICE_UNITY_BATCH})
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A coroutine's frame holds what only its own file names.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()

# sluice_precompiled(TARGET FILE): with SLUICE_PCH the headers that FILE in cmake/precompiled includes are read once for TARGET.
# sluice_precompiled(TARGET OTHER): TARGET takes those of the target OTHER, which is compiled with the same options.
function(sluice_precompiled target from)
  if(NOT SLUICE_PCH)
    return()
  endif()
  if(TARGET ${from})
    target_precompile_headers(${target} REUSE_FROM ${from})
  else()
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/cmake/precompiled/${from})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ 12 warns of its own std::string (bug 105651) where that comes from a precompiled header.
    target_compile_options(${target} PRIVATE -Wno-stringop-overflow -Wno-array-bounds)
  endif()
endfunction()

# sluice_runs_once(TARGET): options, texts and verdicts, which no -O3 makes noticeably faster.
function(sluice_runs_once target)
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()
