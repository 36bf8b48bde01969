// What a plan says of a layout is what the layout needs.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "launcher/trainer/dry_run.h"
#include "tests/layouts/layouts.h"

namespace trireme::test {
namespace {

nlohmann::json planned(const job::Job& job, int ranks) {
  return nlohmann::json::parse(launcher::dry_run_report(job, ranks, /*json=*/true));
}

// Of every kind of rank.
std::vector<nlohmann::json> kinds_of(const nlohmann::json& report) {
  if (!report.contains("stages")) return {report};
  return report.at("stages").get<std::vector<nlohmann::json>>();
}

TEST(LayoutPlan, MemoryIsExactlyThatOfARun) {
  for (const Model& model : all_models())
    for (const Layout& layout :
         {Layout{}, Layout{.data = 4, .zero = 3}, Layout{.data = 2, .tensor = 2, .zero = 2}, Layout{.tensor = 4},
          Layout{.pipeline = 2, .tensor = 2, .schedule = "zb_v"}, Layout{.pipeline = 4, .schedule = "1f1b"},
          Layout{.data = 4, .tensor = 2, .zero = 2, .zero_ranks = 2}}) {
      SCOPED_TRACE(std::string(model.name) + ", " + described(layout));
      const job::Job job = job_for(model, layout);
      const Outcome real = train(job, {.steps = 1});
      const nlohmann::json report = planned(job, layout.ranks());
      for (const nlohmann::json& kind : kinds_of(report)) {
        const int rank = report.contains("stages") ? kind.at("first_rank").get<int>() : 0;
        EXPECT_EQ(kind.at("memory_per_rank_bytes").get<std::int64_t>(), real.peaks[static_cast<std::size_t>(rank)])
            << "rank " << rank;
      }
    }
}

// What a stage holds is what its schedule has under way: not more for a longer step.
TEST(LayoutPlan, MemoryOfAPipelineDoesNotGrowWithItsMicroBatches) {
  for (const std::string schedule : {"1f1b", "interleaved", "zb_h1", "zb_v"}) {
    const auto peaks = [&](int micros) {
      const std::string text =
          "model { gpt { layers: 8 heads: 2 width: 64 sequence: 32 vocabulary: 64 } } data { synthetic {} } "
          "batch { micro: 1 global: " +
          std::to_string(micros) + " } parallel { pipeline: 4 schedule: \"" + schedule + "\" }";
      std::vector<std::int64_t> bytes;
      for (const nlohmann::json& kind : kinds_of(planned(launcher::load_job_text("job", text), 4)))
        bytes.push_back(kind.at("memory_per_rank_bytes").get<std::int64_t>());
      return bytes;
    };
    EXPECT_EQ(peaks(64), peaks(16)) << schedule;
  }
}

// A table of tokens that both ends hold: its gradient is added between two ranks, however many stages there are.
TEST(LayoutPlan, TiedEmbeddingsAreSentByTheEndsAlone) {
  const auto sent = [](int stages) {
    const std::string text =
        "model { gpt { layers: 4 heads: 2 width: 16 sequence: 8 vocabulary: 128 } } data { synthetic {} } "
        "batch { micro: 1 global: 8 } parallel { pipeline: " +
        std::to_string(stages) + " }";
    std::vector<std::int64_t> bytes;
    for (const nlohmann::json& kind : kinds_of(planned(launcher::load_job_text("job", text), stages))) {
      EXPECT_EQ(kind.at("bytes_sent_by_axis").size(), 1u);
      bytes.push_back(kind.at("bytes_sent_by_axis").at("pipeline").get<std::int64_t>());
    }
    return bytes;
  };
  const std::vector<std::int64_t> two = sent(2), four = sent(4);
  constexpr std::int64_t boundary = 8 * 8 * 16 * 4, table = 128 * 16 * 4;
  constexpr std::int64_t few_numbers = 100;  // the loss and the norm, over more ranks
  EXPECT_LT(std::abs(two.front() - four.front()), few_numbers);
  EXPECT_LT(std::abs(two.back() - four.back()), few_numbers);
  EXPECT_GE(two.front(), boundary + table);
  EXPECT_LT(two.front(), boundary + table + 2 * few_numbers);
}

// Rajbhandari et al. 2020, with fp32 masters beside bf16: 2 + 4 bytes of weights, 4 of gradients, 8 of moments for each
// parameter, of which a rank keeps a part of moments and masters, then gradients, then weights.
TEST(LayoutPlan, StateIsThatOfTheZeroFormulas) {
  constexpr int ranks = 16;
  constexpr double N = ranks;
  struct Formula {
    double weights, gradients, moments;
  };
  const Formula formulas[] = {
      {6, 4, 8}, {2 + 4 / N, 4 + 4 / N, 8 / N}, {2 + 4 / N, 4 / N, 8 / N}, {6 / N, 4 / N, 8 / N}};
  for (int zero = 0; zero <= 3; ++zero) {
    const std::string text =
        "model { gpt { layers: 48 heads: 16 width: 1024 sequence: 64 vocabulary: 1024 } } data { synthetic {} } "
        "batch { global: 16 } precision { compute: bf16 } recompute: block parallel { zero: " +
        std::to_string(zero) + " bucket_mib: 4 }";
    const nlohmann::json report = planned(launcher::load_job_text("job", text), ranks);
    const auto parameters = report.at("model_parameters").get<double>();
    const nlohmann::json& memory = report.at("memory_by_kind");
    const Formula& formula = formulas[zero];
    const auto near = [&](const char* kind, double bytes, double slack) {
      EXPECT_NEAR(memory.at(kind).get<double>(), bytes * parameters, 0.05 * bytes * parameters + slack)
          << kind << ", zero " << zero;
    };
    // On level 3 the blocks in use are whole, up to three, and from level 2 on the gradients of two; the largest
    // matrix and a bucket's bytes make the largest block.
    const double block = 4.0 * 4096 * 1024 + 4 * (1 << 20), page = 3 * block / 2, gradient_page = 2 * block;
    near("weights", formula.weights, zero == 3 ? page : 0.0);
    near("gradients", formula.gradients, zero >= 2 ? gradient_page : 0.0);
    near("optimizer", formula.moments, 0.0);
  }
}

// GPT-3's size on 2048 ranks.
TEST(LayoutPlan, OfTheLargestIsExactAndQuick) {
  constexpr double B = 1536, L = 96, s = 2048, h = 12288, V = 51200, t = 8;
  const std::string text =
      "model { gpt { layers: 96 heads: 96 width: 12288 sequence: 2048 vocabulary: 51200 dropout: 0.1 } } "
      "data { synthetic {} } batch { global: 1536 micro: 1 } precision { compute: bf16 } "
      "parallel { tensor: 8 pipeline: 16 data: 16 sequence: true zero: 1 }";
  const auto start = std::chrono::steady_clock::now();
  const nlohmann::json report = planned(launcher::load_job_text("job", text), 2048);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  EXPECT_LT(took.count(), 30.0) << "about 2 s on a free core";
  std::printf("planned in %.2f s\n", took.count());
  EXPECT_EQ(report.at("model_parameters").get<double>(), V * h + s * h + L * (12 * h * h + 13 * h) + 2 * h);
  const double flops = 72 * B * L * s * h * h * (1 + s / (6 * h) + V / (12 * L * h));
  EXPECT_NEAR(report.at("model_flops_per_step").get<double>(), flops, 0.01 * flops);
  const std::vector<nlohmann::json> kinds = kinds_of(report);
  double done = 0.0;
  for (const nlohmann::json& kind : kinds)
    done += kind.at("flops_per_step_per_rank").get<double>() * kind.at("ranks").get<double>();
  EXPECT_NEAR(done, flops, 0.01 * flops);
  // Of a layer and a micro-batch: the second stage holds 15 micro-batches of 6 layers at its peak, the third 14.
  const auto activations = [&](std::size_t stage) {
    return kinds[stage].at("memory_by_kind").at("activations").get<double>();
  };
  const double layer = (activations(2) - activations(3)) / 6;
  std::printf("%.2f sbh / t of activations a layer\n", layer * t / (s * h));
  EXPECT_LE(layer, 1.05 * s * h * 34 / t);
  EXPECT_LE(activations(14), 1.05 * 2 * 6 * s * h * 34 / t) << "two micro-batches of six layers";
}

}  // namespace
}  // namespace trireme::test
