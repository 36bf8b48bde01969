#include "runtime/kernels/cuda/gemm/engine.h"

#include <cublasLt.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <vector>

#include "runtime/device/cuda/check.h"
#include "runtime/kernels/cuda/gemm/algorithm_file.h"

namespace trireme::cuda {
namespace {

constexpr std::uint64_t most_workspace = 32u << 20;  // bytes, as cuBLAS's manual asks for on Hopper
constexpr int most_candidates = 12;

void check(cublasStatus_t status, const char* called) {
  if (status != CUBLAS_STATUS_SUCCESS) fail("cuda", std::string(called) + ":", cublasLtGetStatusString(status));
}

cudaDataType_t type_of(Element element) {
  switch (element) {
    case Element::f32: return CUDA_R_32F;
    case Element::bf16: return CUDA_R_16BF;
    case Element::f16: return CUDA_R_16F;
    case Element::e4m3: return CUDA_R_8F_E4M3;
    case Element::e5m2: return CUDA_R_8F_E5M2;
  }
  fail("gemm", "expected one of five element types, found", static_cast<int>(element));
}

cublasLtEpilogue_t epilogue_of(Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::none: return CUBLASLT_EPILOGUE_DEFAULT;
    case Epilogue::bias: return CUBLASLT_EPILOGUE_BIAS;
    case Epilogue::relu: return CUBLASLT_EPILOGUE_RELU;
    case Epilogue::relu_bias: return CUBLASLT_EPILOGUE_RELU_BIAS;
    case Epilogue::gelu: return CUBLASLT_EPILOGUE_GELU;
    case Epilogue::gelu_bias: return CUBLASLT_EPILOGUE_GELU_BIAS;
    case Epilogue::gelu_kept: return CUBLASLT_EPILOGUE_GELU_AUX;
    case Epilogue::gelu_kept_bias: return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
    case Epilogue::gelu_gradient: return CUBLASLT_EPILOGUE_DGELU;
    case Epilogue::gelu_gradient_sums: return CUBLASLT_EPILOGUE_DGELU_BGRAD;
    case Epilogue::left_sums: return CUBLASLT_EPILOGUE_BGRADB;  // the library's right factor is our left one
  }
  fail("gemm", "expected one of eleven epilogues, found", static_cast<int>(epilogue));
}

template <class T>
void set(cublasLtMatmulDescOpaque_t& what, cublasLtMatmulDescAttributes_t name, const T& value) {
  check(cublasLtMatmulDescSetAttribute(&what, name, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
}
template <class T>
void set(cublasLtMatmulPreferenceOpaque_t& wish, cublasLtMatmulPreferenceAttributes_t name, const T& value) {
  check(cublasLtMatmulPreferenceSetAttribute(&wish, name, &value, sizeof(value)),
        "cublasLtMatmulPreferenceSetAttribute");
}

std::int32_t operation_of(const ColumnMatrix& matrix) {
  return matrix.transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
}

cublasLtMatrixLayoutOpaque_t layout_of(const ColumnMatrix& matrix, Element element) {
  cublasLtMatrixLayoutOpaque_t layout{};
  check(cublasLtMatrixLayoutInit(&layout, type_of(element), static_cast<std::uint64_t>(matrix.rows),
                                 static_cast<std::uint64_t>(matrix.columns), matrix.leading),
        "cublasLtMatrixLayoutInit");
  return layout;
}

using Candidates = std::vector<cublasLtMatmulHeuristicResult_t>;

// A product's descriptors, and the algorithm chosen for it.
struct Ready {
  cublasLtMatmulDescOpaque_t what{};
  cublasLtMatrixLayoutOpaque_t left{}, right{}, result{};
  cublasLtMatmulAlgo_t algorithm{};
  std::int64_t workspace = 0;
  bool possible = false;
  bool searched = false;

  void take(const cublasLtMatmulHeuristicResult_t& candidate) {
    algorithm = candidate.algo;
    workspace = static_cast<std::int64_t>(candidate.workspaceSize);
    possible = true;
  }
};

Algorithm words_of(const cublasLtMatmulAlgo_t& algorithm) {
  Algorithm words{};
  static_assert(sizeof(words) == sizeof(algorithm));
  std::memcpy(words.data(), &algorithm, sizeof(algorithm));
  return words;
}

Ready described(const Product& product) {
  const ColumnProduct columns = by_columns(product);
  Ready ready;
  // fp32 products are done in fp32: CUBLAS_COMPUTE_32F is not the variant that may round inputs to TF32.
  check(cublasLtMatmulDescInit(&ready.what, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescInit");
  set(ready.what, CUBLASLT_MATMUL_DESC_TRANSA, operation_of(columns.left));
  set(ready.what, CUBLASLT_MATMUL_DESC_TRANSB, operation_of(columns.right));
  set(ready.what, CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(epilogue_of(product.epilogue)));
  if (reads_bias(product.epilogue) || writes_sums(product.epilogue))
    set(ready.what, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, static_cast<std::int32_t>(type_of(product.c)));
  if (has_kept(product.epilogue)) set(ready.what, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, columns.result.leading);
  // Sums of values may be kept in the tensor cores' own precision; those of gradients are not (cuBLAS's manual).
  if (product.a == Element::e4m3 && product.b == Element::e4m3)
    set(ready.what, CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
  ready.left = layout_of(columns.left, product.b);
  ready.right = layout_of(columns.right, product.a);
  ready.result = layout_of(columns.result, product.c);
  return ready;
}

// The pointers that are part of the description. cuBLASLt reads their alignment when it looks for algorithms.
void point(Ready& ready, const Product& product, const ProductOperands& operands) {
  if (reads_bias(product.epilogue)) set(ready.what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.bias);
  if (writes_sums(product.epilogue)) set(ready.what, CUBLASLT_MATMUL_DESC_BIAS_POINTER, operands.sums);
  if (has_kept(product.epilogue)) set(ready.what, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, operands.kept);
  if (operands.scale_b) set(ready.what, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, operands.scale_b);
  if (operands.scale_a) set(ready.what, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, operands.scale_a);
}

}  // namespace

struct GemmEngine {
 public:
  GemmEngine(CudaDevice& device, const std::string& choices);
  GemmEngine(const GemmEngine&) = delete;
  GemmEngine& operator=(const GemmEngine&) = delete;
  ~GemmEngine();

  bool run(const Product& product, const ProductOperands& operands);
  const std::string& trouble() const noexcept { return file_.trouble(); }

 private:
  void choose(Ready& ready, const Product& product, const ProductOperands& operands);
  bool take_known(Ready& ready, const Algorithm& known) const;
  Candidates candidates(Ready& ready, const Product& product) const;
  std::size_t fastest(Ready& ready, const Product& product, ProductOperands operands, const Candidates& from) const;
  cublasStatus_t enqueue(Ready& ready, const ProductOperands& operands) const;
  std::optional<float> timed(Ready& ready, const ProductOperands& operands, int repeats) const;

  CudaDevice& device_;
  cublasLtHandle_t handle_ = nullptr;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
  AlgorithmFile file_;
  std::string place_;  // this device and library, as words
  std::unordered_map<Product, Ready, ProductHash> ready_;
};

GemmEngine::GemmEngine(CudaDevice& device, const std::string& choices) : device_(device), file_(choices) {
  device.make_current();
  check(cublasLtCreate(&handle_), "cublasLtCreate");
  check(cudaEventCreate(&begin_), "cudaEventCreate");
  check(cudaEventCreate(&end_), "cudaEventCreate");
  const cudaDeviceProp& card = device.properties();
  place_ = std::string(card.name) + " with " + std::to_string(card.multiProcessorCount) +
           " multiprocessors, cuBLASLt " + std::to_string(cublasLtGetVersion()) + ": ";
}

GemmEngine::~GemmEngine() {
  cudaEventDestroy(end_);
  cudaEventDestroy(begin_);
  cublasLtDestroy(handle_);
}

bool GemmEngine::run(const Product& product, const ProductOperands& operands) {
  auto found = ready_.find(product);
  if (found == ready_.end()) found = ready_.emplace(product, described(product)).first;
  Ready& ready = found->second;
  point(ready, product, operands);
  if (!ready.searched && !(ready.possible && device_.capturing())) choose(ready, product, operands);
  if (!ready.possible) return false;
  check(enqueue(ready, operands), "cublasLtMatmul");
  return true;
}

void GemmEngine::choose(Ready& ready, const Product& product, const ProductOperands& operands) {
  const std::string key = place_ + cuda::words_of(product);
  const std::optional<Algorithm> known = file_.find(key);
  if (known && take_known(ready, *known)) return;
  const Candidates found = candidates(ready, product);
  if (found.empty()) {
    ready.searched = true;
    return;
  }
  if (device_.capturing()) return ready.take(found.front());  // for now; the search waits for a call that can be timed
  ready.take(found[fastest(ready, product, operands, found)]);
  ready.searched = true;
  const Algorithm used = file_.add(key, words_of(ready.algorithm), known);
  if (used != words_of(ready.algorithm)) take_known(ready, used);
}

bool GemmEngine::take_known(Ready& ready, const Algorithm& known) const {
  cublasLtMatmulAlgo_t algorithm{};
  std::memcpy(&algorithm, known.data(), sizeof(algorithm));
  cublasLtMatmulHeuristicResult_t verdict{};
  const cublasStatus_t status = cublasLtMatmulAlgoCheck(handle_, &ready.what, &ready.left, &ready.right, &ready.result,
                                                        &ready.result, &algorithm, &verdict);
  if (status != CUBLAS_STATUS_SUCCESS || verdict.workspaceSize > most_workspace) return false;
  ready.algorithm = algorithm;
  ready.workspace = static_cast<std::int64_t>(verdict.workspaceSize);
  ready.possible = ready.searched = true;
  return true;
}

Candidates GemmEngine::candidates(Ready& ready, const Product& product) const {
  cublasLtMatmulPreferenceOpaque_t wish{};
  check(cublasLtMatmulPreferenceInit(&wish), "cublasLtMatmulPreferenceInit");
  set(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, most_workspace);
  // Sums split over k are added in fp32, in one order: never in the result's 16 bits, never in the order of arrival.
  set(wish, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});
  const auto alignment = static_cast<std::uint32_t>(product.alignment);
  for (auto name : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    set(wish, name, alignment);
  Candidates found(most_candidates);
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle_, &ready.what, &ready.left, &ready.right, &ready.result, &ready.result,
                                     &wish, most_candidates, found.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE) return {};
  check(status, "cublasLtMatmulAlgoGetHeuristic");
  found.resize(static_cast<std::size_t>(count));
  std::erase_if(found, [](const auto& one) { return one.state != CUBLAS_STATUS_SUCCESS; });
  return found;
}

// Results go where the call's result goes, which the call then writes once more; only a sum that would be added to
// again goes elsewhere. A candidate must be faster by 2 % than those that cuBLASLt prefers to it.
std::size_t GemmEngine::fastest(Ready& ready, const Product& product, ProductOperands operands,
                                const Candidates& from) const {
  if (from.size() == 1) return 0;
  std::optional<Scratch> elsewhere;
  if (product.adds) {
    elsewhere.emplace(device_.scratch(product.m * product.n * size_of(product.c)));
    operands.c = elsewhere->data();
    operands.before = operands.c;
  }
  std::size_t best = 0;
  std::optional<float> least;
  for (std::size_t i = 0; i < from.size(); ++i) {
    ready.take(from[i]);
    if (!timed(ready, operands, 1)) continue;  // the first run of a kernel loads it
    const std::optional<float> first = timed(ready, operands, 1);
    if (!first || (least && *first > 3 * *least)) continue;
    const int repeats = std::clamp(static_cast<int>(0.5f / std::max(*first, 1e-3f)), 2, 20);  // half a millisecond
    std::optional<float> time = timed(ready, operands, repeats);
    for (int round = 0; time && round < 2; ++round)
      time = std::min(*time, timed(ready, operands, repeats).value_or(*time));
    if (time && (!least || *time < 0.98f * *least)) {
      least = time;
      best = i;
    }
  }
  return best;
}

cublasStatus_t GemmEngine::enqueue(Ready& ready, const ProductOperands& operands) const {
  const Scratch workspace = device_.scratch(ready.workspace);
  return cublasLtMatmul(handle_, &ready.what, &operands.alpha, operands.b, &ready.left, operands.a, &ready.right,
                        &operands.beta, operands.before, &ready.result, operands.c, &ready.result, &ready.algorithm,
                        workspace.data(), static_cast<std::size_t>(ready.workspace), device_.native_compute());
}

// Milliseconds of one run; nothing where the library does not do it after all.
std::optional<float> GemmEngine::timed(Ready& ready, const ProductOperands& operands, int repeats) const {
  const cudaStream_t stream = device_.native_compute();
  check(cudaEventRecord(begin_, stream), "cudaEventRecord");
  for (int i = 0; i < repeats; ++i)
    if (enqueue(ready, operands) != CUBLAS_STATUS_SUCCESS) return std::nullopt;
  check(cudaEventRecord(end_, stream), "cudaEventRecord");
  check(cudaEventSynchronize(end_), "cudaEventSynchronize");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin_, end_), "cudaEventElapsedTime");
  return milliseconds / static_cast<float>(repeats);
}

GemmEngineOwner make_gemm_engine(CudaDevice& device, const std::string& choices) {
  return {new GemmEngine(device, choices), [](GemmEngine* engine) { delete engine; }};
}

bool run_product(GemmEngine& engine, const Product& product, const ProductOperands& operands) {
  return engine.run(product, operands);
}

std::string trouble_of(const GemmEngine& engine) {
  return engine.trouble();
}

}  // namespace trireme::cuda
