#include "hotstuff/mempool.h"

#include <algorithm>
#include <utility>

#include "hotstuff/validator_change.h"

namespace groat::hotstuff {

Mempool::Mempool(const MempoolBounds& bounds, const CommandBounds& block, size_t n,
                 ReplicaIndex self)
    : bounds_(bounds), block_(block), self_(self), used_(n + 1) {
  share_.max_count = std::max<size_t>(1, bounds.max_count / HonestWitnessesOf(n));
  share_.max_bytes = std::max<size_t>(1, bounds.max_bytes / HonestWitnessesOf(n));
}

Mempool::Verdict Mempool::Add(Command command, ReplicaIndex origin, uint64_t now_ms) {
  const size_t size = command.EncodedSize();
  if (size > block_.max_bytes) return Verdict::kTooLarge;
  if (const auto found = index_.find(command.key); found != index_.end()) {
    if (origin == self_) Adopt(*found->second);
    return Verdict::kPending;
  }
  const MempoolBounds& share = origin == self_ ? bounds_ : share_;
  Use& used = UseOf(origin);
  if (total_.count + 1 > bounds_.max_count || total_.bytes + size > bounds_.max_bytes ||
      used.count + 1 > share.max_count || used.bytes + size > share.max_bytes) {
    return Verdict::kFull;
  }
  const CommandKey key = command.key;
  entries_.push_back({std::move(command), origin, now_ms, BlockSerial(0), 0});
  index_.emplace(key, std::prev(entries_.end()));
  for (Use* use : {&used, &total_}) {
    ++use->count;
    use->bytes += size;
  }
  if (origin == self_) ++used_own_;
  return Verdict::kAdded;
}

void Mempool::Adopt(Entry& entry) {
  if (entry.origin == self_) return;
  Use& before = UseOf(entry.origin);
  Use& own = UseOf(self_);
  --before.count;
  ++own.count;
  before.bytes -= entry.command.EncodedSize();
  own.bytes += entry.command.EncodedSize();
  entry.origin = self_;
  ++used_own_;
}

void Mempool::Remove(const CommandKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  const Entry& entry = *found->second;
  if (entry.origin == self_) --used_own_;
  Use& used = UseOf(entry.origin);
  for (Use* use : {&used, &total_}) {
    --use->count;
    use->bytes -= entry.command.EncodedSize();
  }
  entries_.erase(found->second);
  index_.erase(found);
}

void Mempool::MarkIncluded(const CommandKey& key, BlockSerial block) {
  const auto found = index_.find(key);
  if (found != index_.end()) found->second->included = block;
}

bool Mempool::InTail(const Entry& entry, const std::vector<BlockSerial>& tail) const {
  return std::binary_search(tail.begin(), tail.end(), entry.included);
}

template <typename Visit>
void Mempool::VisitWaiting(const std::vector<BlockSerial>& tail, Visit visit) const {
  for (const Entry& entry : entries_) {
    if (!InTail(entry, tail) && !visit(entry)) return;
  }
}

std::vector<Command> Mempool::Select(const std::vector<BlockSerial>& tail,
                                     const CommandBounds& limit) const {
  std::vector<Command> out;
  size_t bytes = 0;
  bool has_change = false;
  VisitWaiting(tail, [&](const Entry& entry) {
    const size_t size = entry.command.EncodedSize();
    if (out.size() == limit.max_count || (!out.empty() && bytes + size > limit.max_bytes)) {
      return false;
    }
    if (entry.command.key.client == kChangeClient && std::exchange(has_change, true)) return true;
    bytes += size;
    out.push_back(entry.command);
    return true;
  });
  return out;
}

Mempool::Waiting Mempool::WaitingFor(const std::vector<BlockSerial>& tail) const {
  Waiting waiting;
  VisitWaiting(tail, [&](const Entry& entry) {
    const size_t size = entry.command.EncodedSize();
    if (!waiting.oldest_ms.has_value()) waiting.oldest_ms = entry.arrived_ms;
    if (waiting.bytes + size > block_.max_bytes) {
      waiting.full = true;
      return false;
    }
    ++waiting.count;
    waiting.bytes += size;
    waiting.full = waiting.count == block_.max_count;
    return !waiting.full;
  });
  return waiting;
}

std::vector<Command> Mempool::TakeOverdue(uint64_t now_ms, uint64_t pause_ms) {
  std::vector<Command> out;
  size_t bytes = 0;
  for (Entry& entry : entries_) {
    const uint64_t age_ms = now_ms - std::min(now_ms, entry.arrived_ms);
    if (age_ms < pause_ms) break;
    if (entry.origin != self_ || age_ms < 2 * entry.repeated_at_age_ms) continue;
    const size_t size = entry.command.EncodedSize();
    if (out.size() == block_.max_count || bytes + size > block_.max_bytes) break;
    bytes += size;
    entry.repeated_at_age_ms = age_ms;
    out.push_back(entry.command);
  }
  return out;
}

std::vector<Command> Mempool::AllOwn() const {
  std::vector<Command> out;
  for (const Entry& entry : entries_) {
    if (entry.origin == self_) out.push_back(entry.command);
  }
  return out;
}

}  // namespace groat::hotstuff
