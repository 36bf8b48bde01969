#include "launcher/report/report.h"

#include "launcher/report/confusion_image.h"
#include "launcher/report/plot.h"
#include "launcher/report/written_file.h"

namespace trireme::launcher {
Report::Report(ReportOptions options) : options_(std::move(options)) {
  if (!options_.speaks) return;
  const std::int64_t resumed = options_.progress.first_step;
  progress_ = std::make_unique<Progress>(options_.progress);
  if (options_.run_dir.empty()) return;
  metrics_ = std::make_unique<MetricsLog>(metrics_path(), resumed);
  if (options_.tensorboard) events_ = std::make_unique<EventWriter>(options_.run_dir, resumed);
}

std::string Report::metrics_path() const {
  return options_.run_dir.empty() ? "" : options_.run_dir + '/' + metrics_name;
}

std::string Report::plot_path() const {
  return options_.run_dir.empty() || !options_.plot ? "" : options_.run_dir + '/' + plot_name;
}

void Report::step(const StepMetrics& metrics) {
  if (!options_.speaks) return;
  if (metrics_) metrics_->add(metrics);
  if (events_) {
    events_->add_scalar("loss/training", metrics.step, metrics.loss);
    events_->add_scalar("step/learning_rate", metrics.step, metrics.lr);
    events_->add_scalar("step/gradient_norm", metrics.step, metrics.grad_norm);
    events_->add_scalar("step/milliseconds", metrics.step, metrics.step_ms);
    events_->add_scalar("step/samples_per_second", metrics.step, metrics.samples_per_s);
    if (metrics.opponent) {
      events_->add_scalar("loss/generator", metrics.step, metrics.loss);
      events_->add_scalar("loss/discriminator", metrics.step, metrics.opponent->loss);
      events_->add_scalar("step/discriminator_learning_rate", metrics.step, metrics.opponent->lr);
      events_->add_scalar("step/discriminator_gradient_norm", metrics.step, metrics.opponent->grad_norm);
    }
  }
  progress_->step(metrics);
}

void Report::validation(const Validation& validation) {
  if (!options_.speaks) return;
  if (metrics_) metrics_->add(validation);
  if (events_) {
    events_->add_scalar("loss/validation", validation.step, validation.loss);
    for (const metrics::Measure& measure : validation.measures.scalars)
      events_->add_scalar("validation/" + measure.name, validation.step, measure.value);
    if (!validation.measures.confusion.empty())
      events_->add_image("validation/confusion", validation.step, draw_confusion(validation.measures));
    if (!validation.measures.roc.empty())
      events_->add_image("validation/roc", validation.step, draw_roc(validation.measures));
  }
  progress_->validation(validation);
}

void Report::picture(std::string_view name, std::int64_t step, const data::Image& image) {
  if (events_) events_->add_image(name, step, image);
}

void Report::note(std::string_view text) {
  if (options_.speaks) progress_->note(text);
}

void Report::finish() {
  if (!options_.speaks) return;
  progress_->finish();
  if (metrics_ && options_.plot)
    replace_file("report", plot_path(),
                 draw_losses(read_curves(metrics_path()), {.title = options_.title, .unit = "nats"}));
}

}  // namespace trireme::launcher
