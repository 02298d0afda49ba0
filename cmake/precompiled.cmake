# Most of the time of a compilation is the parsing of json.hpp, fmt, ATen and GoogleTest: targets share precompiled
# headers of them, one a set of flags. QREASON_PCH=OFF makes none, and so shows a source that lacks an #include.
# Sources with flags of their own (one instruction set each) take none: SKIP_PRECOMPILE_HEADERS.
set(qreason_pch_headers <algorithm> <filesystem> <functional> <map> <memory> <optional> <span> <string> <vector>
                        <fmt/format.h> <nlohmann/json.hpp>)

# qreason_pch(KIND [TORCH] LIBRARIES library... HEADERS header...): makes the precompiled header KIND.
function(qreason_pch kind)
  cmake_parse_arguments(PCH "TORCH" "" "LIBRARIES;HEADERS" ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch_${kind}.cpp CONTENT "")
  add_library(qreason_pch_${kind} OBJECT ${CMAKE_BINARY_DIR}/pch_${kind}.cpp)
  target_link_libraries(qreason_pch_${kind} PRIVATE fmt::fmt nlohmann_json::nlohmann_json Threads::Threads ${PCH_LIBRARIES})
  if(PCH_TORCH)
    target_include_directories(qreason_pch_${kind} SYSTEM PRIVATE ${TORCH_INCLUDE_DIRS})
    target_link_libraries(qreason_pch_${kind} PRIVATE ${TORCH_LIBRARIES})
  endif()
  target_precompile_headers(qreason_pch_${kind} PRIVATE ${qreason_pch_headers} ${PCH_HEADERS})
endfunction()

function(qreason_use_pch target kind)
  if(QREASON_PCH)
    target_precompile_headers(${target} REUSE_FROM qreason_pch_${kind})
  endif()
endfunction()

if(QREASON_PCH)
  qreason_pch(plain)
  qreason_pch(torch TORCH HEADERS <ATen/core/Tensor.h>)
endif()
