#include "services/ledger/register_view.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using ledger::ChainPoint;
using record::Height;

// Points of each history in a report: enough to see the shape, short enough for a status message.
constexpr size_t kShownPoints = 3;

}  // namespace

absl::StatusOr<RegisterView::Seen> RegisterView::Read(
    const std::vector<storage::RangeRead>& more) const {
  // Ours comes first: what is applied after the read began may lie above the head that it sees.
  const ChainPoint ours = ChainPoint::Of(context_.store->head());
  std::vector<storage::RangeRead> ranges = {{storage::KeyRange::Single(context_.keys.Head())}};
  ranges.insert(ranges.end(), more.begin(), more.end());
  absl::StatusOr<storage::ReadResult> read =
      context_.reg->ReadRanges(ranges, storage::Consistency::kLinearizable);
  if (!read.ok()) {
    context_.metrics->register_errors.Increment();
    return absl::UnavailableError(
        absl::StrCat("the register does not answer: ", read.status().ToString()));
  }
  Seen seen;
  seen.revision = read->revision;
  if (!read->ranges[0].items.empty()) {
    const storage::KeyValue& item = read->ranges[0].items[0];
    absl::StatusOr<ledger::ChainHead> head = DecodeHead(context_.ledger_id, item.value);
    if (!head.ok()) {
      context_.halt->Trip(absl::StrCat("the register's head: ", head.status().message()));
      return context_.halt->status();
    }
    seen.head = *head;
    seen.head_revision = item.mod_revision;
  }
  read->ranges.erase(read->ranges.begin());
  seen.ranges = *std::move(read);

  const std::optional<ledger::ForkKind> fork = ledger::CompareHeads(
      ours, ChainPoint::Of(seen.head),
      [this](Height height) { return context_.store->IdAt(height).value_or(Bytes32()); });
  if (fork.has_value()) {
    TripFork(*fork, absl::StrCat("its head is ", seen.head.height.value(), ", this node applied ",
                                 ours.height.value()));
    return context_.halt->status();
  }
  context_.metrics->head_height.Set(static_cast<double>(seen.head.height.value()));
  context_.metrics->lag_blocks.Set(static_cast<double>(
      seen.head.height.value() - std::min(seen.head.height.value(), ours.height.value())));
  return seen;
}

void RegisterView::TripFork(ledger::ForkKind kind, const std::string& reason) const {
  if (context_.halt->tripped()) return;
  ledger::Fork fork{.kind = kind, .reason = reason, .ours = {}, .theirs = TheirPoints()};
  const ledger::ChainHead head = context_.store->head();
  std::vector<Height> heights;
  if (!fork.theirs.empty()) {
    const Height high = std::min(head.height, fork.theirs.back().height);
    const std::optional<ChainPoint> common = FindLastCommon(Height(1), high);
    if (common.has_value()) {
      // Below the points shown, or among them.
      if (common->height < fork.theirs.front().height) {
        fork.theirs.insert(fork.theirs.begin(), *common);
      }
    }
    for (const ChainPoint& point : fork.theirs) heights.push_back(point.height);
  }
  for (uint64_t i = std::min<uint64_t>(kShownPoints, head.height.value()); i > 0; --i) {
    heights.push_back(Height(head.height.value() - i + 1));
  }
  std::sort(heights.begin(), heights.end());
  heights.erase(std::unique(heights.begin(), heights.end()), heights.end());
  for (Height height : heights) {
    const std::optional<Bytes32> id = context_.store->IdAt(height);
    if (id.has_value()) fork.ours.push_back({height, *id});
  }
  const auto mark = context_.store->LoadSignMark();
  if (mark.ok() && mark->has_value()) {
    fork.last_signed = ChainPoint{(*mark)->height, (*mark)->block_id};
  }
  context_.metrics->forks.Increment();
  context_.halt->Trip(fork.Describe());
}

std::vector<ChainPoint> RegisterView::TheirPoints() const {
  const absl::StatusOr<std::optional<storage::KeyValue>> item =
      context_.reg->Read(context_.keys.Head());
  if (!item.ok() || !item->has_value()) return {};
  const absl::StatusOr<ledger::ChainHead> head = DecodeHead(context_.ledger_id, (*item)->value);
  if (!head.ok()) return {};
  std::vector<ChainPoint> points;
  for (uint64_t i = std::min<uint64_t>(kShownPoints, head->height.value()) - 1; i > 0; --i) {
    const std::optional<ChainPoint> point = TheirPoint(Height(head->height.value() - i));
    if (point.has_value()) points.push_back(*point);
  }
  points.push_back(ChainPoint::Of(*head));
  return points;
}

std::optional<ChainPoint> RegisterView::TheirPoint(Height height) const {
  const absl::StatusOr<storage::RangeResult> runs =
      context_.reg->ReadRange(context_.keys.BlockRunsFrom(height), 1);
  if (!runs.ok() || runs->items.empty()) return std::nullopt;
  const absl::StatusOr<std::vector<record::Block>> blocks = DecodeBlockRun(runs->items[0].value);
  if (!blocks.ok()) return std::nullopt;
  for (const record::Block& block : *blocks) {
    if (block.height == height) return ChainPoint{height, block.Id()};
    // The block below the window is known by the id that its successor names.
    if (block.height == height.Next()) return ChainPoint{height, block.previous_id};
  }
  return std::nullopt;
}

std::optional<ChainPoint> RegisterView::FindLastCommon(Height low, Height high) const {
  std::optional<ChainPoint> common;
  while (low <= high) {
    const Height middle(low.value() + (high.value() - low.value()) / 2);
    const std::optional<ChainPoint> theirs = TheirPoint(middle);
    // Below the register's window nothing can be compared: look further up.
    const bool agrees = !theirs.has_value() || context_.store->IdAt(middle) == theirs->id;
    if (agrees) {
      if (theirs.has_value()) common = theirs;
      low = middle.Next();
    } else {
      high = middle.Previous();
    }
  }
  return common;
}

}  // namespace groat::ledger_service
