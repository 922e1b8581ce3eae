#include "p2p/trace/replay_executor.h"

#include <chrono>
#include <utility>

#include "p2p/trace/trace_text.h"

namespace groat::p2p {
namespace {

TraceRecord Of(TraceKind kind) {
  TraceRecord record;
  record.kind = kind;
  return record;
}

}  // namespace

Instant ReplayExecutor::Now() const {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kNow));
  if (answer != nullptr) return Instant(Duration(static_cast<Duration::rep>(answer->number)));
  past_stop_ += std::chrono::milliseconds(1);
  return tape_.time() + past_stop_;
}

int64_t ReplayExecutor::WallClockUs() const {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kWallClock));
  if (answer != nullptr) return static_cast<int64_t>(answer->number);
  past_stop_ += std::chrono::milliseconds(1);
  return std::chrono::duration_cast<std::chrono::microseconds>(past_stop_).count();
}

uint64_t ReplayExecutor::Random() {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kRandom));
  if (answer != nullptr) return answer->number;
  // SplitMix64.
  uint64_t mixed = random_state_ += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

void ReplayExecutor::Post(Task task) {
  const TraceRecord* answer = tape_.Call(Of(TraceKind::kPost));
  if (answer != nullptr) posted_.insert_or_assign(answer->number, std::move(task));
}

TimerId ReplayExecutor::PostAt(Instant when, Task task) {
  TraceRecord call = Of(TraceKind::kPostAt);
  call.number = static_cast<uint64_t>(when.time_since_epoch().count());
  const TraceRecord* answer = tape_.Call(call);
  if (answer == nullptr) return 1;  // It never fires.
  const TimerId timer = answer->second_number;
  timers_.insert_or_assign(timer, std::move(task));
  return timer;
}

void ReplayExecutor::Cancel(TimerId timer) {
  TraceRecord call = Of(TraceKind::kCancel);
  call.number = timer;
  if (tape_.Call(call) != nullptr) timers_.erase(timer);
}

void ReplayExecutor::Run(const TraceRecord& record, std::map<uint64_t, Task>& tasks) {
  auto node = tasks.extract(record.number);
  if (node.empty()) {
    tape_.Differ(record, "no such task", "it was never posted, is cancelled, or ran before");
    return;
  }
  tape_.Advance();
  node.mapped()();
}

void ReplayExecutor::RunPosted(const TraceRecord& record) { Run(record, posted_); }
void ReplayExecutor::Fire(const TraceRecord& record) { Run(record, timers_); }

}  // namespace groat::p2p
