#include "p2p/trace/traced_node.h"

#include <utility>
#include <vector>

namespace groat::p2p {
namespace {

void RecordReturned(TraceRecorder& recorder, const absl::Status& status) {
  TraceRecord record;
  record.kind = TraceKind::kReturned;
  record.code = status.code();
  record.text = std::string_view(status.message().data(), status.message().size());
  recorder.Record(record);
}

class TracedProtocol final : public Protocol {
 public:
  TracedProtocol(std::unique_ptr<Protocol> inner, TraceRecorder& recorder)
      : inner_(std::move(inner)), recorder_(recorder) {}

  absl::Status Request(ByteView request) override {
    TraceRecord begin;
    begin.kind = TraceKind::kRequest;
    begin.number = recorder_.Inside() ? 1 : 0;
    begin.payload = request;
    const TraceRecorder::TaskScope scope(recorder_, begin);
    absl::Status status = inner_->Request(request);
    RecordReturned(recorder_, status);
    return status;
  }

 private:
  const std::unique_ptr<Protocol> inner_;
  TraceRecorder& recorder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Protocol>> TracedNode::Make(const ProtocolRegistry& registry,
                                                           const std::string& name,
                                                           ByteView parameters) {
  const std::vector<PeerId> connected = inner_network_.Connected();
  TraceRecord begin;
  begin.kind = TraceKind::kStart;
  begin.label = name;
  begin.text = GROAT_VERSION;
  begin.peer = inner_network_.self();
  begin.number = static_cast<uint64_t>(inner_executor_.WallClockMs());
  begin.peers = connected;
  begin.payload = parameters;
  const TraceRecorder::TaskScope scope(recorder_, begin);
  absl::StatusOr<std::unique_ptr<Protocol>> made =
      registry.Make(name, network_, executor_, parameters);
  RecordReturned(recorder_, made.status());
  if (!made.ok()) return made.status();
  return std::make_unique<TracedProtocol>(*std::move(made), recorder_);
}

}  // namespace groat::p2p
