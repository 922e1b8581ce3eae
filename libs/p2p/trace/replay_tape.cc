#include "p2p/trace/replay_tape.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "p2p/trace/trace_text.h"

namespace groat::p2p {
namespace {

// "payload, byte 7 of 12 and 13": where two records differ.
std::string WhereDifferent(const TraceRecord& want, const TraceRecord& came) {
  if (BeginsTask(want.kind)) return "a call too many";
  if (want.kind != came.kind) return "another call";
  const auto name = FirstDifference(want, came).value_or("");
  std::string where(name);
  if (name != "payload") return where;
  const auto at = std::mismatch(want.payload.begin(), want.payload.end(), came.payload.begin(),
                                came.payload.end());
  absl::StrAppend(&where, ", from byte ", at.first - want.payload.begin(), " of ",
                  want.payload.size(), " and ", came.payload.size());
  return where;
}

}  // namespace

void ReplayTape::Stop(ReplayStop stop) {
  if (stopped_) return;
  stopped_ = true;
  stop.record = reader_.number();
  stop.time = time_;
  stop_ = std::move(stop);
}

const TraceRecord* ReplayTape::Peek() {
  while (!loaded_ && !stopped_) {
    const absl::StatusOr<bool> read = reader_.Next(record_);
    if (!read.ok()) {
      Stop(
          {.reason = ReplayStop::Reason::kUnreadable, .why = std::string(read.status().message())});
    } else if (!*read) {
      Stop({.reason = ReplayStop::Reason::kEnd});
    } else if (record_.outside) {
      ++skipped_;
    } else if (record_.kind == TraceKind::kGap) {
      Stop({.reason = ReplayStop::Reason::kUnreadable,
            .why = absl::StrCat(record_.number, " records were lost here")});
    } else if (record_.kind == TraceKind::kStart) {
      Stop({.reason = ReplayStop::Reason::kUnreadable,
            .why = "another protocol begins in the same run"});
    } else if (record_.kind != TraceKind::kContinue) {
      loaded_ = true;
      time_ = record_.time;
    }
  }
  return stopped_ ? nullptr : &record_;
}

void ReplayTape::Advance() {
  loaded_ = false;
  ++replayed_;
}

const TraceRecord* ReplayTape::Call(const TraceRecord& call) {
  const TraceRecord* want = Peek();
  if (want == nullptr) return nullptr;
  if (want->kind == TraceKind::kRequest && want->number == 1) {
    Stop({.reason = ReplayStop::Reason::kUnreadable,
          .why = "the application made a request within a task of the protocol"});
    return nullptr;
  }
  if (want->kind != call.kind || FirstDifference(*want, call).has_value()) {
    Differ(*want, TraceRecordText(call, TraceAnswers::kWithout), WhereDifferent(*want, call));
    return nullptr;
  }
  Advance();
  return want;
}

void ReplayTape::RunTasks() {
  for (const TraceRecord* next = Peek(); next != nullptr && BeginsTask(next->kind); next = Peek()) {
    ++tasks_;
    run_task_(*next);
  }
}

absl::Status ReplayTape::CallWithTasks(const TraceRecord& call) {
  if (Call(call) == nullptr) return absl::OkStatus();
  RunTasks();
  const TraceRecord* returned = Peek();
  if (returned == nullptr) return absl::OkStatus();
  if (returned->kind != TraceKind::kReturned) {
    DifferAtEndOfTask();
    return absl::OkStatus();
  }
  Advance();
  return absl::Status(returned->code, {returned->text.data(), returned->text.size()});
}

void ReplayTape::Differ(const TraceRecord& want, std::string came, std::string_view why) {
  Stop({.reason = ReplayStop::Reason::kDifference,
        .want = TraceRecordText(want, TraceAnswers::kWithout),
        .came = std::move(came),
        .why = std::string(why)});
}

void ReplayTape::DifferAtEndOfTask() {
  const TraceRecord* want = Peek();
  if (want != nullptr) Differ(*want, "the end of its task", "a call is missing");
}

}  // namespace groat::p2p
