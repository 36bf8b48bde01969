#include "runtime/data/images/folder.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

#include "runtime/base/error.h"
#include "runtime/data/workers.h"

namespace trireme::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* where = "data";

void check_folder(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) fail(where, "expected a folder of pictures, found", path);
}

bool is_picture_name(const fs::path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

// Sorted by bytes, hidden names left out.
std::vector<std::string> pictures_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename().string().starts_with('.')) {
      if (at->is_directory()) at.disable_recursion_pending();
    } else if (at->is_regular_file() && is_picture_name(at->path())) {
      found.push_back(at->path().string());
    }
  }
  require(!error, where, folder + ": cannot be read:", error.message());
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> folders_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->is_directory() && !at->path().filename().string().starts_with('.'))
      found.push_back(at->path().filename().string());
  require(!error, where, folder + ": cannot be read:", error.message());
  std::sort(found.begin(), found.end());
  return found;
}

// Files of which each is read by itself.
class Files : public PictureFiles {
 public:
  ImageShape shape() const override { return size_.shape; }
  std::int64_t size() const override { return std::ssize(paths_); }
  std::span<const std::int32_t> labels() const override { return labels_; }
  std::string place(std::int64_t number) const override { return paths_[static_cast<std::size_t>(number)]; }
  const std::vector<std::string>& skipped() const override { return skipped_; }

 protected:
  explicit Files(const PictureSize& size) : size_(size) {
    const ImageShape& shape = size.shape;
    require(shape.height > 0 && shape.width > 0 && (shape.channels == 1 || shape.channels == 3), where,
            "expected a height, a width and one channel or three for pictures of files, found", shape);
  }

  // Reads every file and forgets those that cannot be read.
  void leave_out(const BadFiles& bad) {
    if (!bad.skip) return;
    std::vector<std::string> wrong(paths_.size());
    const Workers workers(bad.workers);
    constexpr std::int64_t piece = 64;
    for (std::int64_t first = 0; first < size(); first += piece) {
      if (bad.between) bad.between();
      workers.each(std::min(piece, size() - first), [&](std::int64_t i) {
        std::vector<std::uint8_t> image(static_cast<std::size_t>(size_.shape.numbers()));
        std::vector<std::uint8_t> mask(static_cast<std::size_t>(size_.shape.pixels()));
        try {
          read(first + i, image.data(), mask.data());
        } catch (const Error& error) {
          wrong[static_cast<std::size_t>(first + i)] = error.what();
        }
      });
    }
    keep_right(wrong);
  }

  void keep_right(const std::vector<std::string>& wrong) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < wrong.size(); ++i) {
      if (!wrong[i].empty()) {
        skipped_.push_back(wrong[i]);
        continue;
      }
      paths_[kept] = paths_[i];
      if (!labels_.empty()) labels_[kept] = labels_[i];
      ++kept;
    }
    paths_.resize(kept);
    if (!labels_.empty()) labels_.resize(kept);
    if (paths_.empty()) fail(where, "no file is left that can be read; the first:", skipped_.front());
  }

  PictureSize size_;
  std::vector<std::string> paths_;
  std::vector<std::int32_t> labels_;
  std::vector<std::string> skipped_;
};

class Folder final : public Files {
 public:
  explicit Folder(const FolderOptions& options) : Files(options.size), classes_(options.classes) {
    check_folder(options.path);
    if (classes_.empty()) classes_ = folders_in(options.path);
    if (classes_.empty()) fail(where, options.path + ": expected a folder for each class, found none");
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const std::string folder = options.path + "/" + classes_[c];
      std::error_code error;
      if (!fs::is_directory(folder, error)) fail(where, folder + ": the folder of this class is missing");
      const std::vector<std::string> pictures = pictures_in(folder);
      if (pictures.empty()) fail(where, folder + ": no picture of this class (.jpg, .jpeg or .png)");
      paths_.insert(paths_.end(), pictures.begin(), pictures.end());
      labels_.insert(labels_.end(), pictures.size(), static_cast<std::int32_t>(c));
    }
    leave_out(options.bad);
  }

  std::vector<std::string> class_names() const override { return classes_; }
  void read(std::int64_t number, std::uint8_t* image, std::uint8_t*) const override {
    const Image picture = read_picture(place(number), size_);
    std::copy(picture.values.begin(), picture.values.end(), image);
  }

 private:
  std::vector<std::string> classes_;
};

class Masks final : public Files {
 public:
  explicit Masks(const MaskOptions& options) : Files(options.size), options_(options) {
    check_folder(options.images);
    check_folder(options.masks);
    paths_ = pictures_in(options.images);
    if (paths_.empty()) fail(where, options.images + ": no picture (.jpg, .jpeg or .png)");
    for (const std::string& path : paths_) {
      const std::string mask = mask_of(path);
      std::error_code error;
      if (!fs::is_regular_file(mask, error)) fail(where, path + ": expected its mask", mask + ", which is missing");
    }
    leave_out(options.bad);
  }

  void read(std::int64_t number, std::uint8_t* image, std::uint8_t* mask) const override {
    const std::string& path = paths_[static_cast<std::size_t>(number)];
    const Image picture = read_picture(path, size_);
    std::copy(picture.values.begin(), picture.values.end(), image);
    if (!mask) return;
    const std::string mask_path = mask_of(path);
    const Image classes = read_mask(mask_path, picture_shape(path), size_, options_.values);
    for (const std::uint8_t value : classes.values)
      if (value >= options_.classes)
        fail(where, mask_path + ": expected classes below", options_.classes, "found a pixel of",
             static_cast<int>(value));
    std::copy(classes.values.begin(), classes.values.end(), mask);
  }

 private:
  // The same path below the other folder, as .png.
  std::string mask_of(const std::string& path) const {
    fs::path relative = fs::path(path).lexically_relative(options_.images);
    return (fs::path(options_.masks) / relative.replace_extension(".png")).string();
  }

  MaskOptions options_;
};

}  // namespace

std::shared_ptr<const PictureFiles> open_folder(const FolderOptions& options) {
  return std::make_shared<Folder>(options);
}

std::shared_ptr<const PictureFiles> open_masks(const MaskOptions& options) {
  return std::make_shared<Masks>(options);
}

}  // namespace trireme::data
