#include "runtime/data/images/jpeg.h"

#include <csetjmp>
#include <cstdio>

// Needs the types of <cstdio>, and the one below it the version that it tells.
#include <jpeglib.h>

#include <jerror.h>

#include <algorithm>

#include "runtime/base/error.h"
#include "runtime/data/images/png.h"

namespace trireme::data {
namespace {

// The library reports an error by a call that must not return; it jumps out of it.
struct Reporter {
  jpeg_error_mgr base;  // first: the library hands out a pointer to it
  std::jmp_buf out;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave(j_common_ptr library) {
  auto* reporter = reinterpret_cast<Reporter*>(library->err);
  reporter->base.format_message(library, reporter->message);
  std::longjmp(reporter->out, 1);
}

// What else there is to say is of no use, but where the picture is not all there.
void note(j_common_ptr library, int level) {
  if (level >= 0) return;
  const int code = library->err->msg_code;
  if (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER || code == JWRN_HUFF_BAD_CODE) leave(library);
}

int eighths(const jpeg_decompress_struct& jpeg, const JpegOptions& options) {
  if (options.least_height == 0 || options.least_width == 0) return 8;
  for (const int part : {1, 2, 4})
    if ((std::int64_t{jpeg.image_height} * part + 7) / 8 >= options.least_height &&
        (std::int64_t{jpeg.image_width} * part + 7) / 8 >= options.least_width)
      return part;
  return 8;
}

enum class Outcome : std::uint8_t { fine, damaged, too_large };

// Nothing in here has a destructor: a jump may leave it at any call of the library.
Outcome read(jpeg_decompress_struct& jpeg, Reporter& reporter, std::string_view bytes, const JpegOptions* options,
             Image& image) {
  jpeg.err = jpeg_std_error(&reporter.base);
  reporter.base.error_exit = leave;
  reporter.base.emit_message = note;
  if (setjmp(reporter.out) != 0) return Outcome::damaged;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  image.shape = {jpeg.image_height, jpeg.image_width, jpeg.num_components < 3 ? 1 : 3};
  if (image.shape.pixels() > most_pixels) return Outcome::too_large;
  if (!options) return Outcome::fine;  // the header is all that is wanted
  jpeg.out_color_space = options->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg.scale_num = static_cast<unsigned>(eighths(jpeg, *options));
  jpeg.scale_denom = 8;
  jpeg_start_decompress(&jpeg);
  image.shape = {jpeg.output_height, jpeg.output_width, options->channels};
  image.values.resize(static_cast<std::size_t>(image.shape.numbers()));
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = image.values.data() + jpeg.output_scanline * image.shape.width * image.shape.channels;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return Outcome::fine;
}

Image decoded(std::string_view bytes, const JpegOptions* options, std::string_view name) {
  jpeg_decompress_struct jpeg{};
  struct End {
    jpeg_decompress_struct& jpeg;
    ~End() { jpeg_destroy_decompress(&jpeg); }
  } const end{jpeg};
  Reporter reporter{};
  Image image;
  const Outcome outcome = read(jpeg, reporter, bytes, options, image);
  if (outcome == Outcome::too_large)
    fail("image", std::string(name) + ": expected at most", most_pixels, "pixels, found", image.shape.height, "x",
         image.shape.width);
  if (outcome == Outcome::damaged) fail("image", std::string(name) + ": damaged JPEG:", reporter.message);
  return image;
}

}  // namespace

bool is_jpeg(std::string_view bytes) {
  return bytes.starts_with("\xff\xd8\xff");
}

Image decode_jpeg(std::string_view bytes, const JpegOptions& options, std::string_view name) {
  return decoded(bytes, &options, name);
}

ImageShape jpeg_shape(std::string_view bytes, std::string_view name) {
  return decoded(bytes, nullptr, name).shape;
}

}  // namespace trireme::data
