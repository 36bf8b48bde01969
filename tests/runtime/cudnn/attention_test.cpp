// Every attention that the GPT models use, by cuDNN's own judgement on an H200: is there an engine, and with how much
// memory beside the tensors?
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "runtime/kernels/cuda/dnn/attention.h"
#include "runtime/kernels/cuda/dnn/plan.h"
#include "tests/runtime/cudnn/h200.h"

namespace trireme::cuda::dnn {
namespace {

struct Case {
  std::string name;
  std::int64_t batch, length, heads, kv_heads, width;
  bool causal = true;
  DType dtype = DType::bf16;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

AttentionShape shape_of(const Case& c) {
  return {.batch = c.batch,
          .length = c.length,
          .heads = c.heads,
          .kv_heads = c.kv_heads,
          .width = c.width,
          .slots = c.heads + 2 * c.kv_heads,
          .out_heads = c.heads,
          .causal = c.causal,
          .dtype = c.dtype};
}

class CudnnAttention : public ::testing::TestWithParam<Case> {
 protected:
  std::optional<Plan> plan(const Graph& graph) { return find_plan(graph, Target(test::h200_properties), {}); }
};

const Case cases[] = {
    {"gpt2", 16, 1024, 12, 12, 64},          {"gpt2_odd_length", 4, 1000, 12, 12, 64},
    {"gpt2_xl", 4, 1024, 25, 25, 64},        {"gpt2_fp16", 4, 1024, 12, 12, 64, true, DType::f16},
    {"characters", 64, 256, 6, 6, 64},       {"wide_heads", 4, 1024, 16, 16, 128},
    {"long", 1, 4096, 16, 16, 128},          {"grouped", 4, 1024, 12, 4, 64},
    {"unmasked", 4, 256, 12, 12, 64, false},
};
INSTANTIATE_TEST_SUITE_P(Models, CudnnAttention, ::testing::ValuesIn(cases),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(CudnnAttention, ForwardHasAnEngineAndHardlyAWorkspace) {
  const std::optional<Plan> found = plan(attention_forward(shape_of(GetParam())));
  ASSERT_TRUE(found);
  std::cout << found->engine() << ", workspace " << found->workspace() << " bytes\n";
  EXPECT_LE(found->workspace(), 1 << 20);
}

TEST_P(CudnnAttention, BackwardHasAnEngineThatAddsInOneOrder) {
  const AttentionShape shape = shape_of(GetParam());
  const std::optional<Plan> found = plan(attention_backward(shape));
  ASSERT_TRUE(found);
  std::cout << found->engine() << ", workspace " << found->workspace() << " bytes\n";
  EXPECT_LE(found->workspace(), backward_workspace(shape) + (1 << 20));
  // The scores' gradients are in it: they are not added to the queries' by several blocks at once.
  EXPECT_GE(found->workspace(), shape.batch * shape.heads * shape.length * shape.length * size_of(shape.dtype));
}

// A slice has the strides of the whole: cuDNN must take that too.
TEST(CudnnAttentionSlice, OfSomeHeadsHasAnEngine) {
  const AttentionShape whole{
      .batch = 2, .length = 2048, .heads = 8, .kv_heads = 4, .width = 64, .slots = 16, .out_heads = 8};
  const AttentionShape part = backward_slice(whole, backward_workspace(whole) / 7);
  EXPECT_EQ(part.batch, 1);
  EXPECT_EQ(part.kv_heads, 1);
  EXPECT_EQ(part.heads, 2);
  EXPECT_EQ(part.slots, 16);
  EXPECT_TRUE(find_plan(attention_backward(part), Target(test::h200_properties), {}));
}

TEST(CudnnAttentionSlice, IsAnEqualPartThatFits) {
  AttentionShape whole{
      .batch = 12, .length = 1024, .heads = 12, .kv_heads = 12, .width = 64, .slots = 36, .out_heads = 12};
  const std::int64_t one = backward_workspace(whole) / 12;
  EXPECT_EQ(backward_slice(whole, 12 * one), whole);
  EXPECT_EQ(backward_slice(whole, 11 * one).batch, 6);
  EXPECT_EQ(backward_slice(whole, 3 * one).batch, 3);
  EXPECT_EQ(backward_slice(whole, one).batch, 1);
  EXPECT_EQ(backward_slice(whole, one).heads, 12);
  EXPECT_EQ(backward_slice(whole, one / 2).heads, 6);
  EXPECT_EQ(backward_slice(whole, 1).heads, 1);
}

TEST(CudnnAttentionLimits, NoEngineIsNotAnError) {
  const AttentionShape odd{.width = 65, .slots = 3};
  EXPECT_FALSE(find_plan(attention_forward(odd), Target(test::h200_properties), {}));
}

}  // namespace
}  // namespace trireme::cuda::dnn
