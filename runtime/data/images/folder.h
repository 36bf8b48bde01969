// Folders of picture files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/images/image_set.h"
#include "runtime/data/images/picture_file.h"

namespace trireme::data {

// What is done with files that cannot be read as pictures.
struct BadFiles {
  bool skip = false;  // leave them out; all files are decoded once, when the folder is opened, to find them
  int workers = 1;    // threads that do so
  std::function<void()> between = {};  // called often meanwhile, by the caller's thread; what it throws ends the work
};

// A set of files, decoded as they are read.
class PictureFiles : public ImageSet {
 public:
  // Files that were left out, with what is wrong with each.
  virtual const std::vector<std::string>& skipped() const = 0;
};

struct FolderOptions {
  std::string path;  // of a folder with a folder of pictures for each class
  PictureSize size;
  // The classes, by their folders' names, in the order of their labels. Empty: all folders there are, sorted by bytes.
  std::vector<std::string> classes = {};
  BadFiles bad = {};
};
// Files named .jpg, .jpeg or .png, at any depth. A class without pictures is an Error.
std::shared_ptr<const PictureFiles> open_folder(const FolderOptions& options);

struct MaskOptions {
  std::string images;  // a folder of pictures
  std::string masks;   // and one of masks with the same names, as .png
  PictureSize size;
  std::vector<std::uint8_t> values = {};  // of the masks' pixels, by class; empty: the value is the class
  std::int64_t classes = 0;               // a class at or above this is an Error
  BadFiles bad = {};
};
// A picture without a mask is an Error.
std::shared_ptr<const PictureFiles> open_masks(const MaskOptions& options);

// Keeps what was decoded, up to so many bytes of it.
std::shared_ptr<const ImageSet> cached(std::shared_ptr<const ImageSet> set, std::int64_t most_bytes);

}  // namespace trireme::data
