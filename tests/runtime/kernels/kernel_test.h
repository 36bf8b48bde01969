// The fixture of the kernel suite: calls a kernel of the backend under test and the same kernel of the reference on
// f64 copies of its inputs, and compares.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "runtime/kernels/backend.h"
#include "tests/runtime/kernels/subjects.h"
#include "tests/support/compare.h"
#include "tests/support/poison.h"
#include "tests/support/predictable.h"
#include "tests/support/random_tensors.h"

namespace trireme::test {

enum class Side { tested, oracle };

// An argument of a kernel, twice: as the backend under test sees it (guarded, and aligned or not), and in f64.
class Argument {
 public:
  Argument(GuardedTensor tested, Tensor oracle) : tested_(std::move(tested)), oracle_(std::move(oracle)) {}

  Tensor& operator[](Side side) { return side == Side::tested ? tested_.tensor() : oracle_; }
  const GuardedTensor& guarded() const noexcept { return tested_; }

 private:
  GuardedTensor tested_;
  Tensor oracle_;
};

struct Subjected {
  Subject subject;
  DType dtype;  // of the activations
};
void PrintTo(const Subjected& subjected, std::ostream* out);
std::string test_name(const ::testing::TestParamInfo<Subjected>& info);
std::vector<Subjected> every_dtype();  // subjects x {f32, bf16, f16}
std::vector<Subjected> fp32_only();    // for kernels whose tensors are all f32

// Odd ones: below, at and above vector widths, and one that no block size divides.
inline const std::vector<std::int64_t> odd_sizes{1, 3, 17, 63, 65, 1000};

class KernelTest : public ::testing::TestWithParam<Subjected> {
 protected:
  DType dtype() const { return GetParam().dtype; }
  Tolerance one_rounding() const { return rounding_of(dtype()); }

  // Inputs. Both sides hold the same numbers: those that `dtype` can represent.
  Argument input(const Shape& shape, Range range = {});
  Argument input(const Shape& shape, DType dtype, Range range = {});
  Argument input_of(const Values& values, const Shape& shape, DType dtype);
  Argument integers(const Shape& shape, DType dtype);  // predictable() ones
  Argument ids(const Shape& shape, std::int32_t count);
  Argument ids_of(const std::vector<std::int32_t>& values, const Shape& shape);
  // Outputs, poisoned.
  Argument output(const Shape& shape) { return output(shape, dtype()); }
  Argument output(const Shape& shape, DType dtype);
  // An f32 gradient: poisoned, or with something to add to.
  Argument gradient(const Shape& shape, bool accumulate);

  // Runs `call(kernels, side)` for the backend under test and for the reference.
  template <class Call>
  void both(Call&& call) {
    call(*backend_.kernels, Side::tested);
    call(*oracle_.kernels, Side::oracle);
  }
  Kernels& tested() { return *backend_.kernels; }
  Kernels& oracle() { return *oracle_.kernels; }
  Device& device() const { return *backend_.device; }

  // The tested side agrees with the oracle's, and nothing was written outside it.
  ::testing::AssertionResult agrees(Argument& argument) { return agrees(argument, 1); }
  ::testing::AssertionResult agrees(Argument& argument, double roundings);
  ::testing::AssertionResult agrees(Argument& argument, Tolerance tolerance);

 private:
  std::uint64_t next_seed() { return ++seed_; }
  GuardedTensor guarded(const Shape& shape, DType dtype) {
    return GuardedTensor(device(), shape, dtype, GetParam().subject.shift);
  }

  Backend backend_ = GetParam().subject.make(1);
  Backend oracle_ = make_backend("reference", 1);
  std::uint64_t seed_ = 0;
};

}  // namespace trireme::test
