#include "launcher/trainer/image_data.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "launcher/fleet/stop.h"
#include "launcher/trainer/labelled.h"
#include "launcher/trainer/networks.h"
#include "runtime/data/images/cifar.h"
#include "runtime/data/images/drawn.h"
#include "runtime/data/images/folder.h"
#include "runtime/data/images/idx.h"
#include "runtime/data/images/image_source.h"

namespace trireme::launcher {
namespace {

using Set = std::shared_ptr<const data::ImageSet>;

struct Opened {
  Set set;
  Set validation;  // null where it is a part of the set
  std::vector<std::string> skipped = {};
};

// Of the model; 0: it looks at no classes.
std::int64_t classes_of(const job::Job& job) {
  if (job.model().has_autoencoder()) return 0;
  return job.model().has_gan() ? job.model().gan().classes() : make_network(job)->classes();
}

Opened open_drawn(const job::Job& job) {
  const job::Drawn& from = job.data().images().drawn();
  data::DrawnOptions options{.samples = from.samples(),
                             .size = from.size(),
                             .rotate = from.rotate(),
                             .shift = from.shift(),
                             .noise = from.noise(),
                             .seed = job.seed()};
  switch (from.kind()) {
    case job::Drawn::digits: options.drawing = data::Drawing::digits; break;
    case job::Drawn::letters: options.drawing = data::Drawing::letters; break;
    case job::Drawn::shapes: options.drawing = data::Drawing::shapes; break;
  }
  return {data::draw(options), nullptr};
}

Opened open_idx(const job::Idx& from) {
  Opened opened{data::read_idx({.images = from.images(), .labels = from.labels()}), nullptr};
  if (!from.validation_images().empty())
    opened.validation = data::read_idx({.images = from.validation_images(), .labels = from.validation_labels()});
  return opened;
}

Opened open_cifar(const job::Cifar& from) {
  const auto read = [&](const auto& paths) {
    return data::read_cifar({.paths = {paths.begin(), paths.end()}, .hundred = from.kind() == job::Cifar::cifar100});
  };
  return {read(from.train()), from.validation_size() > 0 ? read(from.validation()) : nullptr};
}

data::PictureSize size_of(const job::Size& from) {
  return {.shape = {from.height(), from.width(), from.channels()},
          .fit = from.fit() == job::stretch ? data::Fit::stretch : data::Fit::crop};
}

data::BadFiles bad_files(const job::Job& job, int workers) {
  return {.skip = job.data().images().skip_bad(), .workers = workers, .between = leave_if_told};
}

// What is kept of the decoded pictures, and what is to be said of those that were left out.
Set kept(const job::Job& job, const std::shared_ptr<const data::PictureFiles>& files, Opened& opened) {
  opened.skipped.insert(opened.skipped.end(), files->skipped().begin(), files->skipped().end());
  return data::cached(files, job.data().images().cache_mib() << 20);
}

Opened open_folder(const job::Job& job, int workers) {
  const job::Folder& from = job.data().images().folder();
  data::FolderOptions options{.path = from.train(),
                              .size = size_of(from.size()),
                              .classes = {from.classes().begin(), from.classes().end()},
                              .bad = bad_files(job, workers)};
  Opened opened;
  opened.set = kept(job, data::open_folder(options), opened);
  options.classes = opened.set->class_names();
  if (classes_of(job) > 0 && std::ssize(options.classes) != classes_of(job))
    fail("data.images.folder", from.train() + ": expected a folder for each of the model's", classes_of(job),
         "classes, found", options.classes.size());
  options.path = from.validation();
  if (!from.validation().empty()) opened.validation = kept(job, data::open_folder(options), opened);
  return opened;
}

Opened open_masks(const job::Job& job, int workers) {
  const job::Masks& from = job.data().images().masks();
  std::vector<std::uint8_t> values;
  for (const std::int64_t value : from.values()) values.push_back(static_cast<std::uint8_t>(value));
  Opened opened;
  opened.set = kept(job,
                    data::open_masks({.images = from.images(),
                                      .masks = from.masks(),
                                      .size = size_of(from.size()),
                                      .values = values,
                                      .classes = classes_of(job),
                                      .bad = bad_files(job, workers)}),
                    opened);
  return opened;
}

Opened open_set(const job::Job& job, int workers) {
  const job::Images& images = job.data().images();
  if (images.has_idx()) return open_idx(images.idx());
  if (images.has_cifar()) return open_cifar(images.cifar());
  if (images.has_folder()) return open_folder(job, workers);
  if (images.has_masks()) return open_masks(job, workers);
  return open_drawn(job);
}

data::Augment augment_of(const job::Augment& from) {
  return {.pad = from.pad(),
          .flip = from.flip(),
          .rotate = from.rotate(),
          .scale = from.scale(),
          .brightness = from.brightness(),
          .contrast = from.contrast(),
          .saturation = from.saturation(),
          .cut_out = from.cut_out(),
          .mix_up = from.mix_up()};
}

data::Normalisation normalisation_of(const job::Images& images, const data::ImageSet& set,
                                     const std::vector<std::int64_t>& training) {
  if (images.standardise()) return data::measure(set, training);
  data::Normalisation given{.mean = {images.mean().begin(), images.mean().end()},
                            .deviation = {images.deviation().begin(), images.deviation().end()}};
  const auto channels = static_cast<std::size_t>(set.shape().channels);
  if (given.mean.size() == 1) {
    given.mean.resize(channels, given.mean.front());
    given.deviation.resize(channels, given.deviation.front());
  }
  return given;
}

// Of a model that learns from pictures of one shape, and may look at their classes.
template <class Model>
void check_shape(const Model& model, const std::string& name, const data::ImageShape& found) {
  if (found != data::ImageShape{model.size(), model.size(), model.channels()})
    fail(name, "expected a size and channels for pictures of", found, "found size", model.size(), "and channels",
         model.channels());
}

void check_fits_gan(const job::Gan& gan, const data::ImageSet& set) {
  check_shape(gan, "model.gan", set.shape());
  if (gan.classes() == 0) return;
  require(!set.labels().empty(), "data.images",
          "expected pictures with classes for model.gan.classes; these have none");
  data::check_labels(set, gan.classes());
}

void check_fits_autoencoder(const job::Autoencoder& model, const data::ImageSet& set) {
  check_shape(model, "model.autoencoder", set.shape());
  const auto labels = set.labels();
  if (model.anomalous() < 0) return;
  const auto anomalies = std::count(labels.begin(), labels.end(), static_cast<std::int32_t>(model.anomalous()));
  if (anomalies == 0 || anomalies == std::ssize(labels))
    fail("model.autoencoder.anomalous", "expected a class that some pictures are of, and others not, found",
         model.anomalous());
}

// The samples of all classes but one.
std::vector<std::int64_t> without(const std::vector<std::int64_t>& samples, std::span<const std::int32_t> labels,
                                  std::int64_t left_out) {
  std::vector<std::int64_t> kept;
  for (const std::int64_t sample : samples)
    if (labels[static_cast<std::size_t>(sample)] != left_out) kept.push_back(sample);
  return kept;
}

void check_fits(const job::Job& job, const data::ImageSet& set) {
  if (job.model().has_gan()) return check_fits_gan(job.model().gan(), set);
  if (job.model().has_autoencoder()) return check_fits_autoencoder(job.model().autoencoder(), set);
  const auto network = make_network(job);
  const data::ImageShape found = set.shape();
  if (job.model().has_unet()) {
    require(set.labels().empty(), "data.images", "expected pictures with masks for this model; these have classes");
  } else {
    require(!set.labels().empty(), "data.images", "expected pictures with classes for this model; these have masks");
    data::check_labels(set, network->classes());
  }
  if (job.model().has_mlp() && job.model().mlp().inputs() != found.numbers())
    fail("model.mlp.inputs", "expected", found.numbers(), "for pictures of", found, "found",
         job.model().mlp().inputs());
  if (!job.model().has_mlp() && network->input() != Shape{found.height, found.width, found.channels})
    fail("model", "expected a size and channels for pictures of", found, "found (H, W, C)", network->input());
}

}  // namespace

Sources open_images(const job::Job& job, int workers) {
  const job::Images& images = job.data().images();
  const Opened opened = open_set(job, workers);
  check_fits(job, *opened.set);
  data::Parts parts = split_of(job, opened.set->size(), opened.set->labels());
  if (const std::int64_t anomalous = job.model().autoencoder().anomalous(); anomalous >= 0)
    parts.training = without(parts.training, opened.set->labels(), anomalous);
  data::ImageOptions options{.normalisation = normalisation_of(images, *opened.set, parts.training),
                             .seed = job.seed()};
  data::ImageOptions augmented = options;
  augmented.augment = augment_of(images.augment());
  augmented.classes = classes_of(job);
  if (augmented.augment.mix_up > 0.0f) augmented.mix_with = parts.training;
  Sources sources = parts_of(job,
                             {.training = std::make_shared<data::ImageSource>(opened.set, augmented),
                              .held_out = std::make_shared<data::ImageSource>(opened.set, options),
                              .labels = opened.set->labels(),
                              .classes = classes_of(job)},
                             parts);
  if (opened.validation) {
    check_fits(job, *opened.validation);
    require(opened.validation->shape() == opened.set->shape(), "data.images", "expected pictures of",
            opened.set->shape(), "to validate on, found", opened.validation->shape());
    std::vector<std::int64_t> all(static_cast<std::size_t>(opened.validation->size()));
    std::iota(all.begin(), all.end(), 0);
    sources.validation = mixed(job, std::make_shared<data::ImageSource>(opened.validation, options), all);
  }
  sources.note = left_out(opened.skipped, opened.set->size() + (opened.validation ? opened.validation->size() : 0));
  return sources;
}

}  // namespace trireme::launcher
