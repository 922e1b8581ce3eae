#include "p2p/trace/replay.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "p2p/trace/replay_executor.h"
#include "p2p/trace/replay_network.h"

namespace groat::p2p {
namespace {

class Replay {
 public:
  Replay(TraceReader reader, const PeerId& self)
      : tape_(std::move(reader)), executor_(tape_), network_(tape_, self) {
    tape_.set_run_task([this](const TraceRecord& record) { RunTask(record); });
  }

  // NotFound if the registry has no such protocol.
  absl::Status Run(const ProtocolRegistry& registry, const std::string& name,
                   const Bytes& parameters) {
    absl::StatusOr<std::unique_ptr<Protocol>> made =
        registry.Make(name, network_, executor_, parameters);
    if (absl::IsNotFound(made.status())) return made.status();
    Return(made.status());
    if (made.ok()) {
      protocol_ = *std::move(made);
      tape_.RunTasks();
    }
    tape_.DifferAtEndOfTask();
    GROAT_CHECK(tape_.stopped());
    return absl::OkStatus();
  }

  const ReplayTape& tape() const { return tape_; }

 private:
  // Making the protocol, or a request, ended with this status.
  void Return(const absl::Status& status) {
    TraceRecord returned;
    returned.kind = TraceKind::kReturned;
    returned.code = status.code();
    tape_.Call(returned);
  }

  void RunTask(const TraceRecord& record) {
    switch (record.kind) {
      case TraceKind::kRequest: {
        if (protocol_ == nullptr) {
          return tape_.Differ(record, "no protocol", "a request before the protocol was made");
        }
        const Bytes request(record.payload.begin(), record.payload.end());
        tape_.Advance();
        return Return(protocol_->Request(request));
      }
      case TraceKind::kTimerFired:
        return executor_.Fire(record);
      case TraceKind::kTaskRan:
        return executor_.RunPosted(record);
      case TraceKind::kReady:
        return network_.Ready(record);
      case TraceKind::kRoom:
        return network_.Room(record);
      case TraceKind::kConnected:
        return network_.PeerChanged(record, PeerEvent::kConnected);
      default:
        return network_.PeerChanged(record, PeerEvent::kDisconnected);
    }
  }

  ReplayTape tape_;
  ReplayExecutor executor_;
  ReplayNetwork network_;
  std::unique_ptr<Protocol> protocol_;  // Destroyed first: it may cancel its timers.
};

}  // namespace

absl::StatusOr<ReplayResult> ReplayTrace(storage::FileSystem& files, const std::string& folder,
                                         const ProtocolRegistry& registry,
                                         std::optional<uint64_t> run) {
  GROAT_ASSIGN_OR_RETURN(const std::vector<TraceRun> runs, TraceReader::Runs(files, folder));
  GROAT_ASSIGN_OR_RETURN(TraceReader reader,
                         TraceReader::Open(files, folder, run.value_or(runs.back().number)));
  TraceRecord start;
  bool found = true;
  do {
    GROAT_ASSIGN_OR_RETURN(found, reader.Next(start));
  } while (found && start.outside);
  if (!found || start.kind != TraceKind::kStart) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, ": run ", reader.run(), " begins with ",
        !found ? "nothing"
               : absl::string_view(NameOf(start.kind).data(), NameOf(start.kind).size()),
        " in record ", reader.number(),
        ", want start: the files before were deleted, or no protocol was made by name"));
  }
  ReplayResult result;
  result.protocol = std::string(start.label);
  result.recorded_version = std::string(start.text);
  result.self = start.peer;
  result.run = reader.run();
  result.wall_clock_ms = static_cast<int64_t>(start.number);
  result.began = start.time;
  const Bytes parameters(start.payload.begin(), start.payload.end());

  Replay replay(std::move(reader), result.self);
  GROAT_RETURN_IF_ERROR(replay.Run(registry, result.protocol, parameters));
  const ReplayTape& tape = replay.tape();
  result.stop = tape.stop();
  result.records = tape.replayed();
  result.tasks = tape.tasks();
  result.skipped = tape.skipped();
  result.torn_bytes = tape.reader().torn_bytes();
  return result;
}

}  // namespace groat::p2p
