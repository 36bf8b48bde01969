#include "runtime/data/drawn_texts.h"

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/error.h"
#include "runtime/base/philox.h"

namespace trireme::data {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 12> things{"food",  "music", "room", "service", "plot",  "wine",
                                                  "view", "staff", "book", "ending",  "price", "bread"};
constexpr std::array<std::string_view, 10> praise{"good",  "great",    "lovely",    "fresh",  "fine",
                                                  "superb", "charming", "excellent", "clever", "pleasant"};
constexpr std::array<std::string_view, 10> blame{"bad",  "awful", "dull",  "stale", "poor",
                                                 "rude", "dire",  "bland", "weak",  "dreadful"};
constexpr std::array<std::string_view, 5> degrees{"", "really ", "quite ", "rather ", "very "};
constexpr std::array<std::string_view, 5> beginnings{"", "we came on a monday. ", "i went with a friend. ",
                                                     "it rained that day. ", "to be short: "};

// What is drawn for one text.
class Draws {
 public:
  Draws(std::uint64_t seed, std::int64_t sample) : key_{seed, hash_name("drawn texts")}, at_(64 * sample) {}

  std::uint32_t below(std::size_t count) {
    return random_word(key_, static_cast<std::uint64_t>(at_++)) % static_cast<std::uint32_t>(count);
  }
  std::string of(Words words) { return std::string(words[below(words.size())]); }

 private:
  RandomKey key_;
  std::int64_t at_;
};

// A clause with this verdict, said plainly or by denying the contrary.
std::string clause(Draws& draws, bool good) {
  const bool denied = draws.below(3) == 0;
  std::string text = "the " + draws.of(things) + (denied ? " was not " : " was ") + draws.of(degrees);
  return text + draws.of(good == denied ? Words(blame) : Words(praise));
}

std::string review(Draws& draws, bool good) {
  std::string text = draws.of(beginnings);
  // The other clause is as often of the other mind.
  const bool other = draws.below(2) == 0;
  switch (draws.below(4)) {
    case 0: text += clause(draws, good); break;
    case 1: text += clause(draws, other) + ", but " + clause(draws, good); break;
    case 2: text += "although " + clause(draws, other) + ", " + clause(draws, good); break;
    default: text += clause(draws, good) + ", even if " + clause(draws, other); break;
  }
  return text + ".";
}

}  // namespace

LabelledTexts draw_texts(const DrawnTextOptions& options, const Tokenizer& tokenizer) {
  require(options.samples >= 1, "data", "expected texts to draw, found", options.samples);
  LabelledTexts texts{.tokens = {}, .labels = {}, .class_names = {"bad", "good"}, .skipped = {}};
  for (std::int64_t sample = 0; sample < options.samples; ++sample) {
    Draws draws(options.seed, sample);
    const bool good = draws.below(2) == 1;
    texts.tokens.push_back(tokenizer.encode(review(draws, good)));
    texts.labels.push_back(good ? 1 : 0);
  }
  return texts;
}

}  // namespace trireme::data
