#include "tests/runtime/kernels/kernel_test.h"

namespace trireme::test {

void PrintTo(const Subjected& subjected, std::ostream* out) {
  *out << subjected.subject.name << " " << subjected.dtype;
}

std::string test_name(const ::testing::TestParamInfo<Subjected>& info) {
  return info.param.subject.name + "_" + std::string(name_of(info.param.dtype));
}

std::vector<Subjected> every_dtype() {
  std::vector<Subjected> result;
  for (const Subject& subject : subjects())
    for (DType dtype : {DType::f32, DType::bf16, DType::f16}) result.push_back({subject, dtype});
  return result;
}

std::vector<Subjected> fp32_only() {
  std::vector<Subjected> result;
  for (const Subject& subject : subjects()) result.push_back({subject, DType::f32});
  return result;
}

Argument KernelTest::input(const Shape& shape, Range range) {
  return input(shape, dtype(), range);
}

Argument KernelTest::input(const Shape& shape, DType dtype, Range range) {
  return input_of(random_values(shape.numel(), next_seed(), range), shape, dtype);
}

Argument KernelTest::integers(const Shape& shape, DType dtype) {
  return input_of(predictable(shape.numel(), next_seed()), shape, dtype);
}

Argument KernelTest::input_of(const Values& values, const Shape& shape, DType dtype) {
  const Tensor rounded = tensor_of(*oracle_.device, values, shape, dtype);
  GuardedTensor mine = guarded(shape, dtype);
  device().copy_from_host(mine.tensor().raw(), rounded.raw(), rounded.bytes());
  return {std::move(mine), tensor_of(*oracle_.device, values_of(rounded), shape, DType::f64)};
}

Argument KernelTest::ids(const Shape& shape, std::int32_t count) {
  return ids_of(random_ids(shape.numel(), count, next_seed()), shape);
}

Argument KernelTest::ids_of(const std::vector<std::int32_t>& values, const Shape& shape) {
  Tensor theirs = from_host<std::int32_t>(*oracle_.device, values, shape);
  GuardedTensor mine = guarded(shape, DType::i32);
  device().copy_from_host(mine.tensor().raw(), values.data(), theirs.bytes());
  return {std::move(mine), std::move(theirs)};
}

Argument KernelTest::output(const Shape& shape, DType dtype) {
  Tensor theirs = empty(*oracle_.device, shape, is_floating(dtype) ? DType::f64 : dtype);
  poison(theirs);
  return {guarded(shape, dtype), std::move(theirs)};
}

Argument KernelTest::gradient(const Shape& shape, bool accumulate) {
  return accumulate ? input(shape, DType::f32) : output(shape, DType::f32);
}

::testing::AssertionResult KernelTest::agrees(Argument& argument, double roundings) {
  return agrees(argument, roundings * rounding_of(argument[Side::tested].dtype()));
}

::testing::AssertionResult KernelTest::agrees(Argument& argument, Tolerance tolerance) {
  if (!argument.guarded().intact()) return ::testing::AssertionFailure() << "written outside its bounds";
  return close(argument[Side::tested], argument[Side::oracle], tolerance);
}

}  // namespace trireme::test
