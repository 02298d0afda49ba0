# Everything the layers link to. libtorch is looked for in Torch_DIR, then in ./.venv, then in the python3 on the PATH.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(tomlplusplus REQUIRED)
find_package(ZLIB REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
find_path(QREASON_BOOST boost/multiprecision/cpp_int.hpp REQUIRED DOC "Boost's headers (libboost-dev)")

if(NOT Torch_DIR AND DEFINED ENV{Torch_DIR})
  set(Torch_DIR $ENV{Torch_DIR})
endif()
if(NOT Torch_DIR)
  foreach(python ${CMAKE_SOURCE_DIR}/.venv/bin/python python3)
    execute_process(
      COMMAND ${python} -c "import torch.utils, os; print(os.path.join(torch.utils.cmake_prefix_path, 'Torch'))"
      OUTPUT_VARIABLE torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE torch_missing)
    if(torch_missing EQUAL 0 AND EXISTS ${torch_dir})
      set(Torch_DIR ${torch_dir} CACHE PATH "Where TorchConfig.cmake is")
      break()
    endif()
  endforeach()
endif()
find_package(Torch REQUIRED)

# The torch include folder carries a newer fmt; a folder that holds only the system's fmt goes before it, so that every
# translation unit sees the fmt that we link to.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/system-fmt)
get_target_property(fmt_include fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
list(GET fmt_include 0 fmt_include)
file(CREATE_LINK ${fmt_include}/fmt ${CMAKE_BINARY_DIR}/system-fmt/fmt SYMBOLIC)
include_directories(BEFORE SYSTEM ${CMAKE_BINARY_DIR}/system-fmt)
