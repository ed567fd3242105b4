# sluice_unity(TARGET [FILE...]): with SLUICE_UNITY the sources of TARGET are compiled eight at a time. What they
# include, and instantiate of Asio's templates, is most of their cost. The FILEs are compiled alone, since their local
# names clash with others.
function(sluice_unity target)
  if(NOT SLUICE_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A coroutine's frame holds what only its own file names.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
endfunction()
