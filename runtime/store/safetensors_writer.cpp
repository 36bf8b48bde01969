#include <unistd.h>

#include "runtime/store/safetensors.h"

namespace trireme::store {
namespace {

constexpr std::string_view op = "safetensors";

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::string path, std::vector<TensorSpec> tensors, Metadata metadata,
                                     FaultHook fault)
    : header_(lay_out_safetensors(std::move(tensors), std::move(metadata), text_)),
      written_(header_.tensors.size(), 0),
      file_(op, std::move(path), std::move(fault)) {
  try {
    for (std::size_t i = 0; i < header_.tensors.size(); ++i)
      if (!index_.emplace(header_.tensors[i].name, i).second)
        fail(op, file_.path() + ": expected each name once, found", header_.tensors[i].name, "twice");
    file_.write(0, text_.data(), static_cast<std::int64_t>(text_.size()));
  } catch (...) {
    ::unlink(file_.path().c_str());
    throw;
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (!finished_) ::unlink(file_.path().c_str());
}

const StoredTensor& SafetensorsWriter::find(std::string_view name) const {
  const auto found = index_.find(std::string(name));
  if (found == index_.end()) fail(op, file_.path() + ": no tensor", name, "was declared");
  return header_.tensors[found->second];
}

void SafetensorsWriter::write(std::string_view name, std::int64_t begin, std::int64_t count, const void* data) {
  const StoredTensor& tensor = find(name);
  std::int64_t& written = written_[static_cast<std::size_t>(&tensor - header_.tensors.data())];
  const std::int64_t numel = tensor.bytes / size_of(tensor.dtype);
  if (begin != written || count < 0 || count > numel - begin)
    fail(op, file_.path() + ": tensor", name, "has", written, "of", numel, "elements so far, found a range of", count,
         "from", begin);
  file_.write(tensor.offset + begin * size_of(tensor.dtype), data, count * size_of(tensor.dtype));
  written += count;
}

void SafetensorsWriter::finish() {
  for (std::size_t i = 0; i < written_.size(); ++i)
    if (written_[i] * size_of(header_.tensors[i].dtype) != header_.tensors[i].bytes)
      fail(op, file_.path() + ": tensor", header_.tensors[i].name, "was left unfinished after", written_[i],
           "elements");
  file_.finish();
  finished_ = true;
}

}  // namespace trireme::store
