#include "sim/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace groat::sim {
namespace {

constexpr size_t kChildren = 4;
// So many cancelled events are kept in the heap whatever its size.
constexpr size_t kCancelledKept = 1024;

// Both halves of the product: every bit of either factor counts (Wang Yi's wyhash has it so).
uint64_t Multiply(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

}  // namespace

EventHandler::EventHandler(Scheduler& scheduler) : source_(++scheduler.last_source_) {}

void TraceRecord::AppendTo(Bytes& out) const {
  const size_t at = out.size();
  out.resize(at + kBytes);
  StoreBigEndian(static_cast<uint64_t>(when.time_since_epoch().count()), &out[at], 8);
  StoreBigEndian(source, &out[at + 8], 4);
  StoreBigEndian(what, &out[at + 12], 8);
  StoreBigEndian(detail, &out[at + 20], 8);
}

void Scheduler::Observe(uint32_t source, uint64_t what, uint64_t detail) {
  const auto time = static_cast<uint64_t>(now_ns_);
  digest_ = Multiply(digest_ ^ time ^ 0xa0761d6478bd642f, what ^ 0xe7037ed1a0b428db) +
            Multiply(detail ^ 0x8ebc6af09c88c6e3, source ^ 0x589965cc75374cc3);
  if (trace_) trace_({Now(), source, what, detail});
}

void Scheduler::Push(Place place) {
  heap_.push_back(place);
  SiftUp(heap_.size() - 1, place);
}

// Puts `place` at `at` or above it, where it belongs.
void Scheduler::SiftUp(size_t at, Place place) {
  while (at > 0) {
    const size_t parent = (at - 1) / kChildren;
    if (place >= heap_[parent]) break;
    heap_[at] = heap_[parent];
    at = parent;
  }
  heap_[at] = place;
}

// Puts `place` at `at` or below it, where it belongs.
void Scheduler::SiftDown(size_t at, Place place) {
  const size_t size = heap_.size();
  while (true) {
    const size_t begin = at * kChildren + 1;
    if (begin >= size) break;
    const size_t end = std::min(begin + kChildren, size);
    size_t least = begin;
    for (size_t child = begin + 1; child < end; ++child) {
      if (heap_[child] < heap_[least]) least = child;
    }
    if (place <= heap_[least]) break;
    heap_[at] = heap_[least];
    at = least;
  }
  heap_[at] = place;
}

// The last place mostly belongs near the bottom: so the gap sinks all the way, without a comparison
// with it at each level, and it rises from there. The least child is found without branches, which
// random times would make a processor guess wrong.
Scheduler::Place Scheduler::Pop() {
  const Place first = heap_.front();
  __builtin_prefetch(&slots_[SlotOf(first)]);
  const Place last = heap_.back();
  heap_.pop_back();
  const size_t size = heap_.size();
  if (size == 0) return first;
  size_t gap = 0;
  size_t begin = 1;
  for (; begin + kChildren <= size; begin = gap * kChildren + 1) {
    const Place* const child = &heap_[begin];
    const size_t left = child[1] < child[0] ? 1 : 0;
    const size_t right = child[3] < child[2] ? 3 : 2;
    const size_t least = child[right] < child[left] ? right : left;
    heap_[gap] = child[least];
    gap = begin + least;
  }
  if (begin < size) {
    size_t least = begin;
    for (size_t child = begin + 1; child < size; ++child) {
      if (heap_[child] < heap_[least]) least = child;
    }
    heap_[gap] = heap_[least];
    gap = least;
  }
  SiftUp(gap, last);
  return first;
}

void Scheduler::PushReady(uint32_t slot) {
  if (ready_count_ == ready_.size()) {
    std::vector<uint32_t> larger(std::max<size_t>(64, 2 * ready_.size()));
    for (size_t i = 0; i < ready_count_; ++i) {
      larger[i] = ready_[(ready_head_ + i) & (ready_.size() - 1)];
    }
    ready_ = std::move(larger);
    ready_head_ = 0;
  }
  ready_[(ready_head_ + ready_count_++) & (ready_.size() - 1)] = slot;
}

uint32_t Scheduler::PopReady() {
  const uint32_t slot = ready_[ready_head_];
  ready_head_ = (ready_head_ + 1) & (ready_.size() - 1);
  --ready_count_;
  return slot;
}

uint32_t Scheduler::TakeSlot() {
  if (!free_slots_.empty()) {
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  GROAT_CHECK_LT(slots_.size(), kMaxWaiting);
  slots_.emplace_back();
  return static_cast<uint32_t>(slots_.size() - 1);
}

EventId Scheduler::At(Instant when, EventHandler& handler, uint64_t argument) {
  const uint32_t index = TakeSlot();
  Slot& slot = slots_[index];
  slot.handler = &handler;
  slot.argument = argument;
  const int64_t when_ns = when.time_since_epoch().count();
  if (when_ns <= now_ns_) {
    PushReady(index);
  } else {
    Push(static_cast<Place>(when_ns) << 64 |
         static_cast<Place>(++last_order_ << kSlotBits | index));
  }
  return uint64_t{slot.generation} << 32 | index;
}

void Scheduler::Cancel(EventId event) {
  const auto index = static_cast<uint32_t>(event);
  if (event == 0 || index >= slots_.size()) return;
  Slot& slot = slots_[index];
  if (slot.generation != event >> 32 || slot.handler == nullptr) return;
  slot.handler = nullptr;
  ++cancelled_;
  if (cancelled_ > kCancelledKept && cancelled_ > heap_.size() / 2) DropCancelled();
}

// Timeouts that are set and cancelled again and again must not pile up until they are due.
void Scheduler::DropCancelled() {
  size_t kept = 0;
  for (const Place place : heap_) {
    const uint32_t index = SlotOf(place);
    if (slots_[index].handler != nullptr) {
      heap_[kept++] = place;
      continue;
    }
    ++slots_[index].generation;
    free_slots_.push_back(index);
    --cancelled_;
  }
  heap_.resize(kept);
  for (size_t at = kept / kChildren + 1; at-- > 0;) {
    if (at < kept) SiftDown(at, heap_[at]);
  }
}

bool Scheduler::RunNext(int64_t until_ns) {
  while (true) {
    uint32_t index;
    int64_t time_ns = now_ns_;
    // Of those due now, the heap's were scheduled before now had come, and so come first.
    if (!heap_.empty() && (ready_count_ == 0 || TimeOf(heap_.front()) <= now_ns_)) {
      time_ns = TimeOf(heap_.front());
      if (time_ns > until_ns) return false;
      index = SlotOf(Pop());
    } else if (ready_count_ > 0) {
      index = PopReady();
    } else {
      return false;
    }
    Slot& slot = slots_[index];
    EventHandler* handler = std::exchange(slot.handler, nullptr);
    const uint64_t argument = slot.argument;
    ++slot.generation;
    free_slots_.push_back(index);
    if (handler == nullptr) {
      --cancelled_;
      continue;
    }
    now_ns_ = time_ns;
    ++events_run_;
    Observe(handler->source(), argument, 0);
    handler->OnEvent(argument);
    return true;
  }
}

void Scheduler::RunFor(Duration time) {
  const int64_t end_ns = now_ns_ + time.count();
  while (RunNext(end_ns)) {
  }
  now_ns_ = end_ns;
}

bool Scheduler::RunUntil(const std::function<bool()>& done, Duration limit, Duration look_every) {
  const int64_t end_ns = now_ns_ + limit.count();
  while (!done()) {
    if (look_every.count() > 0) {
      if (now_ns_ >= end_ns) return false;
      RunFor(std::min(look_every, Duration(end_ns - now_ns_)));
    } else if (!RunNext(end_ns)) {
      now_ns_ = end_ns;
      return done();
    }
  }
  return true;
}

}  // namespace groat::sim
