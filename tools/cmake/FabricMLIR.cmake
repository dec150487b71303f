# Finds the packaged LLVM/MLIR and says how a library of the compiler side is
# built: against the shared MLIR and LLVM libraries (mixing static and shared
# ones registers every option twice), without exceptions and RTTI as LLVM is.

find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Fabric needs LLVM and MLIR 22, found "
    "${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")
endif()
message(STATUS "Using MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# Our own precompiled header, shared by every library of this side: MLIR's
# headers are three quarters of the compile time of a source file.
add_library(FabricPCH OBJECT ${CMAKE_SOURCE_DIR}/tools/cmake/PrecompiledHeader.cpp)

function(fabric_mlir_options target)
  target_include_directories(${target} SYSTEM PUBLIC
    ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_include_directories(${target} PUBLIC
    ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
  target_compile_options(${target} PRIVATE
    -fno-exceptions -fno-rtti -Wall -Wextra -Werror -Wno-unused-parameter)
  target_compile_definitions(${target} PRIVATE ${LLVM_DEFINITIONS_LIST})
endfunction()

separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND ${LLVM_DEFINITIONS})
fabric_mlir_options(FabricPCH)
target_precompile_headers(FabricPCH PRIVATE
  ${CMAKE_SOURCE_DIR}/tools/cmake/PrecompiledHeader.h)

# fabric_add_library(Name SOURCES a.cpp ... [LINK Lib ...] [DEPENDS target ...])
function(fabric_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  fabric_mlir_options(${name})
  target_precompile_headers(${name} REUSE_FROM FabricPCH)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# fabric_add_tool(name SOURCES ... LINK ...): a binary on the compiler side.
function(fabric_add_tool name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  fabric_mlir_options(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()

# fabric_tablegen(target td-file generator output ...): mlir-tblgen outputs
# beside the sources' mirror in the build tree.
function(fabric_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(args ${ARGN})
  while(args)
    list(POP_FRONT args output)
    list(POP_FRONT args flags)
    separate_arguments(flags NATIVE_COMMAND "${flags}")
    mlir_tablegen(${output} ${flags}
      EXTRA_INCLUDES ${CMAKE_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# fabric-doc: the documentation of dialects and passes, from ODS, as Markdown in
# build/doc.
add_custom_target(fabric-doc)

# fabric_add_doc(name td-file flags): one file of it.
function(fabric_add_doc name td flags)
  separate_arguments(flags NATIVE_COMMAND "${flags}")
  set(output ${CMAKE_BINARY_DIR}/doc/${name}.md)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/doc
    COMMAND ${MLIR_TABLEGEN_EXE} ${flags} -I ${CMAKE_SOURCE_DIR}
            -I ${MLIR_INCLUDE_DIRS} ${CMAKE_CURRENT_SOURCE_DIR}/${td} -o ${output}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${td}
    COMMENT "Documenting ${name}")
  add_custom_target(fabric-doc-${name} DEPENDS ${output})
  add_dependencies(fabric-doc fabric-doc-${name})
endfunction()
