#include "launcher/trainer/table_data.h"

#include <utility>

#include "launcher/trainer/labelled.h"
#include "runtime/data/table.h"

namespace trireme::launcher {
namespace {

void check_fits(const job::Mlp& mlp, const data::Table& table) {
  if (mlp.inputs() != table.features())
    fail("model.mlp.inputs", "expected", table.features(), "for the table's features, found", mlp.inputs());
  if (table.targets.empty() && mlp.classes() != std::ssize(table.class_names))
    fail("model.mlp.classes", "expected", table.class_names.size(), "for the table's classes, found", mlp.classes());
}

}  // namespace

Sources open_table(const job::Job& job) {
  const job::Table& from = job.data().table();
  data::Table table = data::read_table({.paths = {from.paths().begin(), from.paths().end()},
                                        .separator = from.separator().front(),
                                        .header = from.header(),
                                        .target = from.target(),
                                        .classes = from.kind() == job::Table::classes,
                                        .one_hot = {from.one_hot().begin(), from.one_hot().end()},
                                        .leave_out = {from.leave_out().begin(), from.leave_out().end()},
                                        .skip_bad = from.skip_bad()});
  check_fits(job.model().mlp(), table);
  const data::Parts parts = split_of(job, table.rows(), table.labels);
  if (from.standardise()) data::standardise(table, parts.training);
  const std::string note = left_out(table.skipped, table.rows());
  const auto rows = std::make_shared<data::Table>(std::move(table));
  const auto source = std::make_shared<data::TableSource>(rows);
  Sources sources = parts_of(
      job, {.training = source, .held_out = source, .labels = rows->labels, .classes = std::ssize(rows->class_names)},
      parts);
  sources.note = note;
  return sources;
}

}  // namespace trireme::launcher
