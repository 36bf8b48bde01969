#include "launcher/trainer/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace trireme::launcher {
namespace {

// The place in [0, weights.size()) at which the running sum of the weights passes `share` of the whole.
std::size_t draw(const std::vector<double>& weights, double share) {
  double left = share * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0.0) return i;
  return weights.size() - 1;
}

std::int32_t choose(const std::vector<float>& logits, const SampleOptions& options, std::uint32_t word) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](std::int32_t a, std::int32_t b) {
    const float left = logits[static_cast<std::size_t>(a)], right = logits[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  std::size_t kept = options.top_k > 0 ? std::min(order.size(), static_cast<std::size_t>(options.top_k)) : order.size();
  if (options.temperature == 0.0) kept = 1;
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), likelier);
  if (kept == 1) return order[0];
  std::vector<double> weights;
  const double top = logits[static_cast<std::size_t>(order[0])];
  for (std::size_t i = 0; i < kept; ++i)
    weights.push_back(std::exp((logits[static_cast<std::size_t>(order[i])] - top) / options.temperature));
  return order[draw(weights, unit_float(word))];
}

// A model with the keys and values of the text so far.
class Reader {
 public:
  Reader(models::Decoder& model, Backend& backend, DType dtype) : model_(model), backend_(backend), dtype_(dtype) {}

  // Reads `tokens` after what was read before; returns the logits of the token that follows.
  std::vector<float> read(const std::vector<std::int32_t>& tokens) {
    const auto count = static_cast<std::int64_t>(tokens.size());
    Context cx{*backend_.device, *backend_.kernels};
    const Tensor logits = model_.logits(cx, from_host<std::int32_t>(cx.device, tokens, {1, count}), &caches_);
    return to_floats(logits.view({count, logits.size(-1)}).rows(count - 1, count));
  }
  std::int64_t length() const { return caches_.front().position; }
  void forget() { caches_ = model_.make_caches(*backend_.device, dtype_, 1); }

 private:
  models::Decoder& model_;
  Backend& backend_;
  DType dtype_;
  std::vector<nn::KeyValueCache> caches_ = model_.make_caches(*backend_.device, dtype_, 1);
};

}  // namespace

std::string sample_text(models::Decoder& model, Backend& backend, DType dtype, const data::Tokenizer& tokenizer,
                        const SampleOptions& options) {
  require(options.tokens >= 0 && options.temperature >= 0.0 && options.top_k >= 0, "sample",
          "expected tokens, temperature and top_k of zero or more, found", options.tokens, options.temperature,
          options.top_k);
  const std::int64_t longest = model.sizes().sequence;
  std::vector<std::int32_t> text = tokenizer.encode(options.prompt);
  if (text.empty()) text.push_back(tokenizer.end_of_text());
  const std::size_t prompt = text.size();
  const auto tail = [&](std::int64_t count) {
    return std::vector<std::int32_t>(text.end() - std::min<std::ptrdiff_t>(count, std::ssize(text)), text.end());
  };

  Reader reader(model, backend, dtype);
  std::vector<std::int32_t> unread = tail(longest);
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    if (options.between) options.between();
    if (reader.length() + std::ssize(unread) > longest) {
      reader.forget();
      unread = tail(std::max<std::int64_t>(longest / 2, 1));
    }
    std::vector<float> logits = reader.read(unread);
    logits.resize(std::min(logits.size(), static_cast<std::size_t>(tokenizer.vocabulary_size())));
    const RandomKey key{options.seed, hash_name("sample")};
    text.push_back(choose(logits, options, random_word(key, static_cast<std::uint64_t>(i))));
    unread = {text.back()};
  }
  return tokenizer.decode(std::span(text).subspan(prompt));
}

}  // namespace trireme::launcher
