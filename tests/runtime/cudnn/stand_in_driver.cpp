// A stand-in for the driver's libcuda.so.1 with as much of it as cuDNN asks for while it compiles a plan for a device
// that is not here. It can load no code and run nothing.
namespace {

constexpr int success = 0;
constexpr int stub_library = 34;  // CUDA_ERROR_STUB_LIBRARY

int given(void** handle) {
  static char something = 0;
  *handle = &something;
  return success;
}

}  // namespace

extern "C" {

int cuLibraryLoadData(void** library) {
  return given(library);
}
int cuLibraryGetKernel(void** kernel) {
  return given(kernel);
}
int cuKernelGetFunction(void** function) {
  return given(function);
}
int cuModuleLoadData(void** module) {
  return given(module);
}
int cuModuleGetFunction(void** function) {
  return given(function);
}
int cuLibraryUnload() {
  return success;
}
int cuModuleUnload() {
  return success;
}
int cuKernelSetAttribute() {
  return success;
}
int cuFuncSetAttribute() {
  return success;
}
int cuFuncGetAttribute(int* value) {
  *value = 0;
  return success;
}
int cuKernelGetAttribute(int* value) {
  *value = 0;
  return success;
}
int cuGetErrorString(int, const char** words) {
  *words = "this is not a driver";
  return success;
}

int cuLaunchKernel() {
  return stub_library;
}
int cuLaunchCooperativeKernel() {
  return stub_library;
}
int cuLaunchKernelEx() {
  return stub_library;
}
int cuDriverGetVersion() {
  return stub_library;
}
int cuLinkCreate() {
  return stub_library;
}
int cuLinkAddData() {
  return stub_library;
}
int cuLinkComplete() {
  return stub_library;
}
int cuLinkDestroy() {
  return stub_library;
}
int cuLibraryLoadFromFile() {
  return stub_library;
}
int cuModuleLoadFatBinary() {
  return stub_library;
}
int cuModuleGetGlobal_v2() {
  return stub_library;
}
int cuGetErrorName() {
  return stub_library;
}
int cuGetProcAddress_v2() {
  return stub_library;
}
int cuInit() {
  return stub_library;
}
int cuDeviceGet() {
  return stub_library;
}
int cuDeviceGetCount() {
  return stub_library;
}
int cuDeviceGetAttribute() {
  return stub_library;
}
int cuDevicePrimaryCtxRetain() {
  return stub_library;
}
int cuDevicePrimaryCtxReset() {
  return stub_library;
}
int cuDevicePrimaryCtxRelease() {
  return stub_library;
}
int cuCtxGetLimit() {
  return stub_library;
}
int cuCtxGetDevice() {
  return stub_library;
}
int cuCtxGetCurrent() {
  return stub_library;
}
int cuCtxPushCurrent() {
  return stub_library;
}
int cuCtxPopCurrent() {
  return stub_library;
}
int cuStreamGetCtx() {
  return stub_library;
}
int cuStreamSynchronize() {
  return stub_library;
}
int cuOccupancyMaxPotentialClusterSize() {
  return stub_library;
}
int cuMemcpyDtoH_v2() {
  return stub_library;
}

}  // extern "C"
