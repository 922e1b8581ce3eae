#include "ledger/append_planner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace groat::ledger {

std::optional<Refusal> CheckRoots(std::span<const record::SignedRoot> roots,
                                  const RelayRules& rules) {
  if (roots.empty() || roots.size() > kMaxRootsInAppend) {
    return Refusal{RefusalKind::kMalformed,
                   absl::StrCat(roots.size(), " roots, want 1 to ", kMaxRootsInAppend)};
  }
  const RelayShard name = RelayShard::Of(roots[0].statement);
  for (size_t i = 1; i < roots.size(); ++i) {
    const record::RootStatement& statement = roots[i].statement;
    if (RelayShard::Of(statement) != name) {
      return Refusal{RefusalKind::kMalformed,
                     absl::StrCat("root ", i, " is of ", RelayShard::Of(statement).Name(),
                                  ", want ", name.Name())};
    }
    if (statement.cycle != roots[i - 1].statement.cycle.Next()) {
      return Refusal{RefusalKind::kMalformed,
                     absl::StrCat("root ", i, " is of cycle ", statement.cycle.value(), ", want ",
                                  roots[i - 1].statement.cycle.value() + 1)};
    }
  }
  const auto rule = rules.find(name);
  if (rule == rules.end()) {
    return Refusal{RefusalKind::kUnknownRelay, absl::StrCat(name.Name(), " is unknown")};
  }
  for (const record::SignedRoot& root : roots) {
    absl::Status status = record::VerifyRoot(root, rule->second.public_key);
    if (!status.ok()) return Refusal{RefusalKind::kWrongSignature, std::string(status.message())};
  }
  return std::nullopt;
}

AppendPlanner::AppendPlanner(const RelayRules& rules, ChainHead head, RelayTips tips,
                             const BlockOfCycle& standing, PlanLimits limits)
    : rules_(rules), head_(head), tips_(std::move(tips)), standing_(standing), limits_(limits) {
  GROAT_CHECK_LE(kMaxRootsInAppend, limits_.max_blocks);
  GROAT_CHECK_LE(1u, limits_.max_relays);
}

AppendPlanner::Result AppendPlanner::Add(std::span<const record::SignedRoot> roots,
                                         uint64_t now_ms) {
  const RelayShard name = RelayShard::Of(roots[0].statement);
  const auto rule = rules_.find(name);
  GROAT_CHECK(rule != rules_.end()) << name.Name();
  const auto tip = tips_.find(name);
  const record::RootStatement* previous = tip == tips_.end() ? nullptr : &tip->second.statement;
  const record::Cycle last = previous == nullptr ? record::Cycle(0) : previous->cycle;

  Planned planned;
  ChainHead head = head_;
  for (const record::SignedRoot& root : roots) {
    const record::RootStatement& statement = root.statement;
    if (statement.cycle <= last) {
      std::optional<record::Block> block = Standing(name, statement.cycle);
      if (!block.has_value()) {
        return Refusal{RefusalKind::kNotApplied,
                       absl::StrCat(statement.Name(), " has a block that is not applied here yet")};
      }
      if (block->root.statement != statement) {
        return Refusal{
            RefusalKind::kOtherRoot,
            absl::StrCat(statement.Name(), ": root ", statement.root.Hex(), ", but block ",
                         block->height.value(), " records ", block->root.statement.root.Hex())};
      }
      planned.blocks.push_back(*std::move(block));
      continue;
    }
    const record::Cycle next = previous == nullptr ? record::Cycle(1) : previous->cycle.Next();
    if (statement.cycle != next) {
      return Refusal{RefusalKind::kGap,
                     absl::StrCat(statement.Name(), ": want cycle ", next.value())};
    }
    absl::Status follows = record::CheckFollows(previous, statement, rule->second.period_cycles);
    if (!follows.ok()) return Refusal{RefusalKind::kDoesNotFollow, std::string(follows.message())};
    record::Block block{.height = head.height.Next(),
                        .previous_id = head.id,
                        .timestamp_ms = std::max(now_ms, head.timestamp_ms),
                        .root = root};
    head = ChainHead::Of(block);
    planned.blocks.push_back(std::move(block));
    ++planned.new_count;
    previous = &statement;
  }
  if (planned.new_count == 0) return planned;

  const bool another_relay = changed_.count(name) == 0;
  if (new_blocks_.size() + planned.new_count > limits_.max_blocks ||
      changed_.size() + (another_relay ? 1 : 0) > limits_.max_relays) {
    return Full{};
  }
  new_blocks_.insert(new_blocks_.end(),
                     planned.blocks.end() - static_cast<ptrdiff_t>(planned.new_count),
                     planned.blocks.end());
  tips_[name] = {head.height, roots.back().statement};
  changed_.insert(name);
  head_ = head;
  return planned;
}

std::optional<record::Block> AppendPlanner::Standing(const RelayShard& name,
                                                     record::Cycle cycle) const {
  for (const record::Block& block : new_blocks_) {
    const record::RootStatement& statement = block.root.statement;
    if (statement.cycle == cycle && RelayShard::Of(statement) == name) return block;
  }
  return standing_(name, cycle);
}

}  // namespace groat::ledger
