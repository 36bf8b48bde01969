#include "collectives/nccl/registered.h"

#include <cuda_runtime.h>

#include <utility>

#include "runtime/base/error.h"

namespace trireme::nccl {
namespace {

std::byte* take(std::int64_t bytes) {
  void* data = nullptr;
  const ncclResult_t result = ncclMemAlloc(&data, static_cast<std::size_t>(bytes));
  if (result != ncclSuccess)
    fail("nccl", "could not allocate", bytes, "bytes on the device (ncclMemAlloc:",
         std::string(ncclGetErrorString(result)) + "); a smaller model or batch.micro helps");
  return static_cast<std::byte*>(data);
}

class RegisteredStorage : public Storage {
 public:
  RegisteredStorage(std::shared_ptr<Communicator> communicator, std::int64_t bytes)
      : Storage(take(bytes), bytes), communicator_(std::move(communicator)) {
    try {
      communicator_->settle(
          ncclCommRegister(communicator_->native(), data(), static_cast<std::size_t>(bytes), &registration_),
          "ncclCommRegister");
    } catch (...) {
      ncclMemFree(data());
      throw;
    }
  }
  ~RegisteredStorage() override {
    cudaDeviceSynchronize();  // unmapping does not wait for those that use it
    if (communicator_->native()) ncclCommDeregister(communicator_->native(), registration_);
    ncclMemFree(data());
  }

 private:
  std::shared_ptr<Communicator> communicator_;
  void* registration_ = nullptr;
};

}  // namespace

std::shared_ptr<Storage> make_registered(std::shared_ptr<Communicator> communicator, std::int64_t bytes) {
  return std::make_shared<RegisteredStorage>(std::move(communicator), bytes);
}

}  // namespace trireme::nccl
