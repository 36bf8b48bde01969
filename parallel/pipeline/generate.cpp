#include "parallel/pipeline/generate.h"

#include <algorithm>

#include "parallel/pipeline/orders.h"
#include "parallel/pipeline/transfers.h"
#include "runtime/base/error.h"

namespace trireme::parallel {
namespace {

void check_shape(ScheduleKind kind, const PipelineShape& shape) {
  require(shape.ranks > 0 && shape.micros > 0 && shape.chunks > 0, "pipeline",
          "expected positive numbers of ranks, micro-batches and chunks, found", shape.ranks, shape.micros, "and",
          shape.chunks);
  const int chunks = kind == ScheduleKind::zb_v ? 2 : 1;
  require(kind == ScheduleKind::interleaved || shape.chunks == chunks, "pipeline", name_of(kind), "has", chunks,
          chunks == 1 ? "chunk" : "chunks", "on each rank, found", shape.chunks,
          "; for more chunks choose interleaved");
}

Order order_of(ScheduleKind kind, const PipelineShape& shape, int rank) {
  switch (kind) {
    case ScheduleKind::gpipe: return gpipe_order(shape);
    case ScheduleKind::one_f_one_b: return one_f_one_b_order(shape, rank);
    case ScheduleKind::zb_h1: return zb_h1_order(shape, rank);
    case ScheduleKind::interleaved: return interleaved_order(shape, rank);
    case ScheduleKind::zb_v: break;
  }
  fail("pipeline", "expected a schedule with an order for each rank, found", name_of(kind));
}

int in_flight(ScheduleKind kind, const PipelineShape& shape, int rank) {
  switch (kind) {
    case ScheduleKind::gpipe: return shape.micros;
    case ScheduleKind::one_f_one_b: return std::min(shape.ranks - rank, shape.micros);
    case ScheduleKind::zb_h1: return std::min(shape.ranks, shape.micros);
    case ScheduleKind::interleaved: return interleaved_in_flight(shape, rank);
    case ScheduleKind::zb_v: return 2 * std::min(shape.ranks, shape.micros);
  }
  return 0;
}

}  // namespace

std::string_view name_of(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::gpipe: return "gpipe";
    case ScheduleKind::one_f_one_b: return "1f1b";
    case ScheduleKind::interleaved: return "interleaved";
    case ScheduleKind::zb_h1: return "zb_h1";
    case ScheduleKind::zb_v: return "zb_v";
  }
  return "";
}

Schedule make_schedule(ScheduleKind kind, PipelineShape shape) {
  check_shape(kind, shape);
  Schedule schedule{.name = std::string(name_of(kind)),
                    .shape = shape,
                    .placement = kind == ScheduleKind::zb_v ? Placement::vee : Placement::rounds,
                    .table = {},
                    .promised = {}};
  if (kind == ScheduleKind::zb_v) schedule.table = zb_v_orders(shape);
  for (int rank = 0; rank < shape.ranks; ++rank) {
    if (kind != ScheduleKind::zb_v) schedule.table.push_back(order_of(kind, shape, rank));
    schedule.promised.push_back(in_flight(kind, shape, rank));
  }
  add_transfers(schedule);
  return schedule;
}

}  // namespace trireme::parallel
