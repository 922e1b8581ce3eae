#include "services/ledger/follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

using ledger::BlockCheck;
using ledger::BlockVerdict;
using ledger::RootSignature;
using record::Block;
using record::Height;

// Offered blocks above this are dropped: a read brings them.
constexpr size_t kMaxOffered = 8192;
// Runs of one read: at most about 3 MB.
constexpr int64_t kRunsPerRead = 16;
constexpr size_t kBlocksPerPeerPage = 1000;

}  // namespace

absl::Status Follower::Start() {
  GROAT_ASSIGN_OR_RETURN(ledger::RelayTips tips, context_.store->Tips());
  const ledger::ChainHead head = context_.store->head();
  chain_ = std::make_unique<ledger::Chain>(context_.rules, head, std::move(tips));
  applied_.Raise(head.height);
  context_.metrics->applied_height.Set(static_cast<double>(head.height.value()));
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void Follower::Stop() {
  wakeup_.Stop();
  applied_.Close();
  confirmed_.Close();
  if (thread_.joinable()) thread_.join();
}

void Follower::OfferBlocks(std::vector<Block> blocks) {
  {
    MutexLock lock(mutex_);
    const bool first = offered_.empty();
    if (offered_.size() + blocks.size() <= kMaxOffered) {
      for (Block& block : blocks) offered_.push_back(std::move(block));
      if (!first) return;  // The thread was woken for the first.
    } else {
      read_wanted_ = true;
    }
  }
  wakeup_.Wake();
}

void Follower::Poke() {
  {
    MutexLock lock(mutex_);
    read_wanted_ = true;
  }
  wakeup_.Wake();
}

bool Follower::caught_up() const {
  MutexLock lock(mutex_);
  return caught_up_;
}

void Follower::Run() {
  auto next_poll = std::chrono::steady_clock::now();
  while (!wakeup_.stopped() && !context_.halt->tripped()) {
    AwaitTurn();
    bool read = ApplyOffered();
    {
      MutexLock lock(mutex_);
      read = read || read_wanted_;
      read_wanted_ = false;
    }
    const auto now = std::chrono::steady_clock::now();
    if (read || now >= next_poll) {
      const bool answered = ReadAndApply();
      {
        MutexLock lock(mutex_);
        caught_up_ = answered;
      }
      if (answered && on_caught_up_ != nullptr) std::exchange(on_caught_up_, nullptr)();
      next_poll = std::chrono::steady_clock::now() + context_.timing.poll_interval;
      // Not at once again, however often somebody asks: the register is in trouble.
      if (!answered && !wakeup_.Pause(context_.timing.retry_backoff)) break;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        next_poll - std::chrono::steady_clock::now());
    wakeup_.Sleep(std::max(left, std::chrono::milliseconds(1)));
  }
}

void Follower::AwaitTurn() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (offered_.empty() || read_wanted_) return;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        stored_at_ + context_.timing.apply_interval - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wakeup_.Sleep(left)) return;
  }
}

bool Follower::ApplyOffered() {
  std::vector<Block> offered;
  {
    MutexLock lock(mutex_);
    offered.swap(offered_);
  }
  // They come by two ways, which may overtake each other.
  std::sort(offered.begin(), offered.end(),
            [](const Block& a, const Block& b) { return a.height < b.height; });
  // A hint is taken only if it fits; a read judges all else.
  return Extend(offered, /*confirmed=*/true).verdict != BlockVerdict::kExtends;
}

bool Follower::ReadAndApply() {
  while (!wakeup_.stopped()) {
    const Height next = chain_->head().height.Next();
    const absl::StatusOr<RegisterView::Seen> seen =
        view_.Read({{context_.keys.BlockRunsFrom(next), kRunsPerRead}});
    if (!seen.ok()) return false;
    // CompareHeads saw the same head as ours: all that we have is the register's.
    if (seen->head.height == chain_->head().height && confirmed_.height() < chain_->head().height) {
      confirmed_.Raise(chain_->head().height);
      Announce();
    }
    const storage::RangeContent& runs = seen->ranges.ranges[0];
    if (runs.items.empty()) {
      if (seen->head.height < next) return true;
      context_.halt->Trip(absl::StrCat("the register's head is ", seen->head.height.value(),
                                       ", but it has no block of height ", next.value(),
                                       " or above"));
      return false;
    }
    for (const storage::KeyValue& item : runs.items) {
      const absl::StatusOr<std::vector<Block>> blocks = DecodeBlockRun(item.value);
      if (!blocks.ok()) {
        context_.halt->Trip(
            absl::StrCat("register key ", item.key, ": ", blocks.status().message()));
        return false;
      }
      if (!ApplyConfirmed(*blocks)) return false;
    }
    if (!runs.more && chain_->head().height >= seen->head.height) return true;
  }
  return false;
}

bool Follower::ApplyConfirmed(const std::vector<Block>& blocks) {
  if (blocks.front().height > chain_->head().height.Next() &&
      !CatchUpFromPeers(blocks.front().height)) {
    return false;
  }
  const BlockCheck check = Extend(blocks, /*confirmed=*/true);
  switch (check.verdict) {
    case BlockVerdict::kExtends:
      return true;
    case BlockVerdict::kKnownHeight:
    case BlockVerdict::kOtherHistory:
      view_.TripFork(ledger::ForkKind::kOtherHistory, check.reason);
      return false;
    case BlockVerdict::kAhead:
    case BlockVerdict::kWrong:
      context_.halt->Trip(
          absl::StrCat("the register holds a block that breaks the rules: ", check.reason));
      return false;
  }
  return false;
}

BlockCheck Follower::Extend(const std::vector<Block>& blocks, bool confirmed) {
  std::vector<Block> taken;  // Not stored yet.
  const auto known = [&](const Block& block) {
    if (taken.empty() || block.height < taken.front().height) {
      return context_.store->IdAt(block.height) == block.Id();
    }
    return taken[block.height.value() - taken.front().height.value()] == block;
  };
  BlockCheck check;
  for (const Block& block : blocks) {
    const bool next = block.height == chain_->head().height.Next();
    check = chain_->Check(block, next ? checked_.Take(block.root) : RootSignature::kUnchecked);
    if (check.verdict == BlockVerdict::kKnownHeight && known(block)) {
      check = {};
      continue;
    }
    if (check.verdict == BlockVerdict::kKnownHeight) {
      check.reason =
          absl::StrCat("block ", block.height.value(), " is ", block.Id().Hex(), " there");
    }
    if (check.verdict != BlockVerdict::kExtends) break;
    chain_->Apply(block);
    taken.push_back(block);
  }
  Store(taken, confirmed);
  return check;
}

void Follower::Store(const std::vector<Block>& blocks, bool confirmed) {
  if (blocks.empty()) return;
  context_.store->Append(blocks);
  stored_at_ = std::chrono::steady_clock::now();
  const Height height = chain_->head().height;
  context_.metrics->applied_height.Set(static_cast<double>(height.value()));
  applied_.Raise(height);
  if (confirmed) {
    confirmed_.Raise(height);
    if (context_.metrics->head_height.Value() < static_cast<double>(height.value())) {
      context_.metrics->head_height.Set(static_cast<double>(height.value()));
      context_.metrics->lag_blocks.Set(0);
    }
  }
  Announce();
}

void Follower::Announce() {
  for (const auto& callback : on_applied_) callback(chain_->head().height);
}

bool Follower::CatchUpFromPeers(Height next_in_register) {
  const size_t node_count = context_.node_keys.size();
  size_t failures = 0;
  // Starts at the next node by index, so that not all ask the first one.
  uint32_t peer = context_.self.value();
  while (chain_->head().height.Next() < next_in_register) {
    if (wakeup_.stopped()) return false;
    if (failures + 1 >= node_count) {
      context_.logger->Warn(
          "no peer has the blocks below the register's window",
          {{"need", chain_->head().height.Next()}, {"register_has", next_in_register}});
      return false;
    }
    const Height first = chain_->head().height.Next();
    // The same one again while it answers.
    if (record::NodeIndex(peer) == context_.self || failures > 0) {
      do {
        peer = static_cast<uint32_t>((peer + 1) % node_count);
      } while (record::NodeIndex(peer) == context_.self);
    }
    const size_t limit =
        std::min<size_t>(kBlocksPerPeerPage, next_in_register.value() - first.value());
    context_.metrics->peer_fetches.Increment();
    const absl::StatusOr<std::vector<Block>> blocks =
        peers_.FetchBlocks(record::NodeIndex(peer), first, limit);
    if (!blocks.ok() || blocks->empty()) {
      ++failures;
      continue;
    }
    const BlockCheck check = Extend(*blocks, /*confirmed=*/false);
    if (check.verdict != BlockVerdict::kExtends) {
      context_.logger->Warn("a peer sent blocks that do not fit",
                            {{"node", peer}, {"reason", check.reason}});
      ++failures;
      continue;
    }
    failures = 0;
  }
  return true;
}

}  // namespace groat::ledger_service
