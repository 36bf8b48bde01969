#include "runtime/store/tiling.h"

#include <algorithm>
#include <map>
#include <vector>

namespace trireme::store {
namespace {

constexpr std::string_view op = "checkpoint";

// One piece behind the other.
void check_line(const std::string& source, const ManifestTensor& tensor) {
  const std::int64_t numel = tensor.shape.numel();
  std::int64_t end = 0;
  for (const Piece& piece : tensor.pieces) {
    if (piece.begin != end || piece.count <= 0 || piece.count > numel - end)
      fail(op, source + ": tensor", tensor.name, "of", numel, "elements: expected a piece that begins at", end,
           "found elements", piece.begin, "to", piece.begin + piece.count);
    end += piece.count;
  }
  if (end != numel)
    fail(op, source + ": tensor", tensor.name, "has", numel, "elements, found only", end,
         "- did every writer add its slice?");
}

// Elements of a table: rows [top, bottom), columns [left, right).
struct Rectangle {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;

  std::int64_t area() const { return (bottom - top) * (right - left); }
};

// A piece as rectangles of a table with `width` columns: one where it has runs, else up to three.
void add_rectangles(std::vector<Rectangle>& all, const Piece& piece, std::int64_t width) {
  const std::int64_t top = piece.begin / width, left = piece.begin % width;
  if (piece.in_runs()) {
    all.push_back({top, top + piece.count / piece.run, left, left + piece.run});
    return;
  }
  const std::int64_t end = piece.begin + piece.count, bottom = end / width;
  if (bottom == top || (bottom == top + 1 && end % width == 0)) {
    all.push_back({top, top + 1, left, left + piece.count});
    return;
  }
  const std::int64_t first_whole = left > 0 ? top + 1 : top;
  if (left > 0) all.push_back({top, top + 1, left, width});
  if (first_whole < bottom) all.push_back({first_whole, bottom, 0, width});
  if (end % width > 0) all.push_back({bottom, bottom + 1, 0, end % width});
}

// Whether no two rectangles have an element in common: from top to bottom, among those that reach a row.
bool disjoint(std::vector<Rectangle> all) {
  std::sort(all.begin(), all.end(), [](const Rectangle& a, const Rectangle& b) { return a.top < b.top; });
  std::map<std::int64_t, std::int64_t> open;         // right edges by left ones
  std::multimap<std::int64_t, std::int64_t> bottom;  // left edges by bottoms
  for (const Rectangle& next : all) {
    while (!bottom.empty() && bottom.begin()->first <= next.top) {
      open.erase(bottom.begin()->second);
      bottom.erase(bottom.begin());
    }
    const auto after = open.lower_bound(next.left);
    if (after != open.end() && after->first < next.right) return false;
    if (after != open.begin() && std::prev(after)->second > next.left) return false;
    open.emplace(next.left, next.right);
    bottom.emplace(next.bottom, next.left);
  }
  return true;
}

// Pieces of whole and of parts of rows.
void check_table(const std::string& source, const ManifestTensor& tensor, std::int64_t width) {
  const std::int64_t numel = tensor.shape.numel();
  const auto refuse = [&](std::string_view what) {
    fail(op, source + ": tensor", tensor.name, "of", numel, "elements:", what);
  };
  if (width <= 0 || numel % width != 0) refuse("expected runs whose stride is the length of its rows");
  std::vector<Rectangle> rectangles;
  for (const Piece& piece : tensor.pieces) {
    if (piece.count <= 0 || piece.begin >= numel || piece.count > numel)
      refuse("expected pieces of elements that it has");
    if (piece.in_runs()) {
      const bool fits = piece.stride == width && piece.begin % width + piece.run <= width &&
                        piece.count / piece.run <= numel / width - piece.begin / width;
      if (!fits) refuse("expected runs inside its rows");
    } else if (piece.count > numel - piece.begin) {
      refuse("expected pieces of elements that it has");
    }
    add_rectangles(rectangles, piece, width);
  }
  std::int64_t covered = 0;
  for (const Rectangle& rectangle : rectangles) covered += rectangle.area();
  if (!disjoint(std::move(rectangles))) refuse("expected each element once, found some in two pieces");
  if (covered != numel)
    fail(op, source + ": tensor", tensor.name, "has", numel, "elements, found only", covered,
         "- did every writer add its slice?");
}

}  // namespace

void check_tiling(const std::string& source, ManifestTensor& tensor) {
  std::sort(tensor.pieces.begin(), tensor.pieces.end(),
            [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
  const auto runs =
      std::find_if(tensor.pieces.begin(), tensor.pieces.end(), [](const Piece& piece) { return piece.in_runs(); });
  if (runs == tensor.pieces.end()) {
    check_line(source, tensor);
  } else {
    check_table(source, tensor, runs->stride);
  }
}

}  // namespace trireme::store
