#include "runtime/kernels/reference/values.h"

#include "runtime/base/error.h"

namespace trireme::reference {
namespace {

template <class Visit>
void visit_type(DType dtype, Visit&& visit) {
  switch (dtype) {
    case DType::f32: return visit(float{});
    case DType::bf16: return visit(BFloat16{});
    case DType::f16: return visit(Float16{});
    case DType::f64: return visit(double{});
    case DType::i32: return visit(std::int32_t{});
    case DType::i64: return visit(std::int64_t{});
    case DType::u8: return visit(std::uint8_t{});
    case DType::u16: return visit(std::uint16_t{});
  }
}

template <class T>
double to_double(T value) {
  if constexpr (is_floating(dtype_of<T>) && sizeof(T) == 2)
    return static_cast<double>(static_cast<float>(value));
  else
    return static_cast<double>(value);
}

template <class T>
T from_double(double value) {
  if constexpr (is_floating(dtype_of<T>) && sizeof(T) == 2)
    return T(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

}  // namespace

Values load(const Tensor& x) {
  Values values(static_cast<std::size_t>(x.numel()));
  visit_type(x.dtype(), [&]<class T>(T) {
    const T* elements = x.data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = to_double(elements[i]);
  });
  return values;
}

double load_factor(const Tensor* factor) {
  return factor == nullptr ? 1.0 : load(*factor)[0];
}

std::vector<std::int32_t> load_ids(const Tensor& ids, std::int64_t count, std::int32_t ignore) {
  const std::int32_t* first = ids.data<std::int32_t>();
  std::vector<std::int32_t> result(first, first + ids.numel());
  for (std::size_t i = 0; i < result.size(); ++i)
    if (result[i] != ignore && (result[i] < 0 || result[i] >= count))
      fail("reference", "expected ids in [ 0 ,", count, "), found", result[i], "at element", i);
  return result;
}

void store(Tensor& y, const Values& values) {
  if (static_cast<std::int64_t>(values.size()) != y.numel())
    fail("reference", "expected an output of", values.size(), "elements, found shape", y.shape());
  visit_type(y.dtype(), [&]<class T>(T) {
    T* elements = y.data<T>();
    for (std::size_t i = 0; i < values.size(); ++i) elements[i] = from_double<T>(values[i]);
  });
}

void store_gradient(Tensor& y, const Values& values, bool accumulate) {
  if (!accumulate) return store(y, values);
  Values total = load(y);
  for (std::size_t i = 0; i < total.size(); ++i) total[i] += values[i];
  store(y, total);
}

}  // namespace trireme::reference
