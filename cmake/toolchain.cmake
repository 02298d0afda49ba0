# Compiler flags, and ccache and mold when the machine has them.

# Contraction would let the compiler fuse a*b+c where the ISA allows it, so results would differ between translation
# units; kernels write fma explicitly where they want one.
add_compile_options(-Wall -Wextra -Wshadow -Wno-missing-field-initializers -ffp-contract=off)
# (clang 18 and later tell of what libstdc++ 12 deprecates and calls itself, in its stable_sort. g++ still tells of ours.)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options(-Wno-deprecated-declarations)
endif()
# (Not with sanitizers: GCC 12 then warns of uninitialized memory inside std::function.)
if(QREASON_WERROR AND NOT QREASON_SANITIZE)
  add_compile_options(-Werror)
endif()
if(QREASON_SANITIZE)
  add_compile_options(-O1 -fsanitize=${QREASON_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${QREASON_SANITIZE})
  # GCC checks the pointer of every access to a member: at -O2 a file then takes six times the time that it takes without
  # sanitizers, so 1.7 times. A null pointer ends the program under the address sanitizer as well. Builds for fuzzing, clang's,
  # keep these checks.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND QREASON_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr,nonnull-attribute,returns-nonnull-attribute)
  endif()
endif()

if(QREASON_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # (What ccache needs to be of use beside precompiled headers.)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()

# First of all libraries, before libtorch: its wheels export an old copy of std::filesystem, and the loader takes the first
# that it meets. Where that copy and the system's met (g++ 13), removing a folder crashed.
link_libraries(stdc++)
