# CUDA, where the toolkit is: sets FABRIC_CUDA, and then makes the target
# FabricCuda (headers, and libcudart linked statically, so that the same program
# starts where there is no GPU) and the language CUDA. cuBLASLt and NCCL are
# loaded when they are needed: only their headers are. The toolkit is looked for
# as CMake's FindCUDAToolkit does, and in build/cuda, where tools/fetch-cuda.sh
# puts one. -DFABRIC_WITH_CUDA=OFF builds without. FABRIC_NVTX says whether
# NVTX, which is headers only, is among it.

option(FABRIC_WITH_CUDA "Runs plans on NVIDIA GPUs, where the toolkit is" ON)
set(FABRIC_CUDA_ARCHITECTURES "80-real;90-real;100" CACHE STRING
  "GPUs that the hand-written kernels are compiled for")
set(FABRIC_CUDA OFF)
set(FABRIC_NVTX OFF)

if(NOT FABRIC_WITH_CUDA)
  message(STATUS "Fabric: without CUDA, as asked: plans run on CPUs only")
  return()
endif()

set(fetched ${FABRIC_SOURCE_ROOT}/build/cuda)
if(NOT CUDAToolkit_ROOT AND NOT DEFINED ENV{CUDAToolkit_ROOT} AND
    EXISTS ${fetched}/bin/nvcc)
  set(CUDAToolkit_ROOT ${fetched})
endif()
find_package(CUDAToolkit QUIET)
# For the tests of generated PTX.
find_program(FABRIC_PTXAS ptxas HINTS ${CUDAToolkit_BIN_DIR})
mark_as_advanced(FABRIC_PTXAS)
set(missing "")
if(NOT CUDAToolkit_FOUND OR NOT CUDAToolkit_NVCC_EXECUTABLE)
  list(APPEND missing nvcc)
elseif(CUDAToolkit_VERSION VERSION_LESS 13)
  list(APPEND missing "nvcc 13, found ${CUDAToolkit_VERSION}")
endif()
if(NOT TARGET CUDA::cudart_static)
  list(APPEND missing libcudart_static.a)
endif()
find_file(FABRIC_CUBLASLT_HEADER cublasLt.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_file(FABRIC_NCCL_HEADER nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
mark_as_advanced(FABRIC_CUBLASLT_HEADER FABRIC_NCCL_HEADER)
if(NOT FABRIC_CUBLASLT_HEADER)
  list(APPEND missing cublasLt.h)
endif()
if(NOT FABRIC_NCCL_HEADER)
  list(APPEND missing nccl.h)
endif()
find_program(FABRIC_CUDA_HOST_COMPILER g++)
mark_as_advanced(FABRIC_CUDA_HOST_COMPILER)
if(NOT FABRIC_CUDA_HOST_COMPILER)
  list(APPEND missing "g++, which nvcc calls")
endif()
if(missing)
  list(JOIN missing ", " missing)
  message(STATUS "Fabric: no CUDA (missing: ${missing}), plans run on CPUs "
    "only (tools/fetch-cuda.sh gets the toolkit)")
  return()
endif()

# nvcc's host compiler is the system's, whatever the rest is compiled with, and
# links its own test programs without our linker.
set(CMAKE_CUDA_COMPILER ${CUDAToolkit_NVCC_EXECUTABLE})
set(CMAKE_CUDA_ARCHITECTURES ${FABRIC_CUDA_ARCHITECTURES})
set(saved_linker_flags "${CMAKE_EXE_LINKER_FLAGS}")
set(CMAKE_EXE_LINKER_FLAGS "")
enable_language(CUDA)
set(CMAKE_EXE_LINKER_FLAGS "${saved_linker_flags}")
# nvcc's C++20, as CMake from 3.26 on knows it.
set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
set(CMAKE_CUDA_STANDARD 20)
# A constexpr function runs on both sides.
set(FABRIC_CUDA_OPTIONS --expt-relaxed-constexpr -Werror=all-warnings
  -Xcompiler=-Wall,-Wextra,-Werror)

add_library(FabricCuda INTERFACE)
cmake_path(GET FABRIC_NCCL_HEADER PARENT_PATH nccl_include)
cmake_path(GET FABRIC_CUBLASLT_HEADER PARENT_PATH cublas_include)
target_include_directories(FabricCuda SYSTEM INTERFACE
  ${CUDAToolkit_INCLUDE_DIRS} ${cublas_include} ${nccl_include})
target_link_libraries(FabricCuda INTERFACE CUDA::cudart_static)
# On this machine, the libraries of this toolkit; elsewhere, the system's.
target_link_options(FabricCuda INTERFACE
  "LINKER:-rpath,${CUDAToolkit_LIBRARY_DIR}")
set(FABRIC_CUDA ON)
find_file(FABRIC_NVTX_HEADER nvtx3/nvToolsExt.h
  HINTS ${CUDAToolkit_INCLUDE_DIRS})
mark_as_advanced(FABRIC_NVTX_HEADER)
if(FABRIC_NVTX_HEADER)
  set(FABRIC_NVTX ON)
endif()
message(STATUS "Fabric: CUDA ${CUDAToolkit_VERSION}")
