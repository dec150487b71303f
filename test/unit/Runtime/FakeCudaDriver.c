/* A libcuda.so.1 for machines without a GPU: enough of a driver that the CUDA
   runtime finds it and asks what it can. FAKE_CUDA_VERSION is what it serves,
   FAKE_CUDA_INIT what it answers to cuInit. */

#include <cuda.h>
#include <stdlib.h>
#include <string.h>

static int setting(const char *name, int otherwise) {
  const char *value = getenv(name);
  return value ? atoi(value) : otherwise;
}

CUresult cuInit(unsigned flags) {
  (void)flags;
  return (CUresult)setting("FAKE_CUDA_INIT", CUDA_SUCCESS);
}

CUresult cuDriverGetVersion(int *version) {
  *version = setting("FAKE_CUDA_VERSION", CUDA_VERSION);
  return CUDA_SUCCESS;
}

static CUresult nothing(void) { return CUDA_ERROR_NOT_SUPPORTED; }

static CUresult exportTable(const void **table, const CUuuid *id) {
  (void)id;
  *table = NULL;
  return CUDA_ERROR_NOT_FOUND;
}

/* How the runtime asks for every function, itself among them. */
#undef cuGetProcAddress
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version,
                             cuuint64_t flags,
                             CUdriverProcAddressQueryResult *result) {
  (void)version;
  (void)flags;
  if (result)
    *result = CU_GET_PROC_ADDRESS_SUCCESS;
  if (strcmp(symbol, "cuGetProcAddress") == 0)
    *function = (void *)cuGetProcAddress_v2;
  else if (strcmp(symbol, "cuInit") == 0)
    *function = (void *)cuInit;
  else if (strcmp(symbol, "cuDriverGetVersion") == 0)
    *function = (void *)cuDriverGetVersion;
  else if (strcmp(symbol, "cuGetExportTable") == 0)
    *function = (void *)exportTable;
  else
    *function = (void *)nothing;
  return CUDA_SUCCESS;
}

CUresult cuGetProcAddress(const char *symbol, void **function, int version,
                          cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, NULL);
}
