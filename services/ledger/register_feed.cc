#include "services/ledger/register_feed.h"

#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

// Polls of the head for one reading of the signatures.
constexpr int kPollsPerReading = 5;

}  // namespace

void RegisterFeed::Start() {
  thread_ = std::thread([this] { Run(); });
}

void RegisterFeed::Stop() {
  wakeup_.Stop();
  if (thread_.joinable()) thread_.join();
  watch_.reset();
}

void RegisterFeed::Run() {
  while (!wakeup_.stopped()) {
    const absl::StatusOr<int64_t> revision = ReadAll();
    if (!revision.ok()) {
      context_.metrics->register_errors.Increment();
      wakeup_.Sleep(context_.timing.retry_backoff);
      continue;
    }
    if (watch_ == nullptr) {
      watch_ = context_.reg->WatchPrefix(
          context_.keys.prefix(), *revision + 1,
          [this](const storage::WatchUpdate& update) { OnUpdate(update); });
      callbacks_.missed();  // What came before the watch.
    }
    wakeup_.Sleep(kPollsPerReading * context_.timing.poll_interval);
  }
}

absl::StatusOr<int64_t> RegisterFeed::ReadAll() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges({{context_.keys.Signatures()}}, storage::Consistency::kStale));
  for (const storage::KeyValue& item : read.ranges[0].items) {
    OnEvent({storage::WatchEvent::Kind::kPut, item});
  }
  return read.revision;
}

void RegisterFeed::OnUpdate(const storage::WatchUpdate& update) {
  if (update.kind == storage::WatchUpdate::Kind::kCompacted) {
    callbacks_.missed();
    wakeup_.Wake();
    return;
  }
  for (const storage::WatchEvent& event : update.events) OnEvent(event);
}

void RegisterFeed::OnEvent(const storage::WatchEvent& event) {
  const std::optional<RegisterKeys::Name> name = context_.keys.Parse(event.item.key);
  if (!name.has_value()) return;
  const bool put = event.kind == storage::WatchEvent::Kind::kPut;
  switch (name->kind) {
    case RegisterKeys::Kind::kBlockRun: {
      if (!put) return;  // The window moved.
      absl::StatusOr<std::vector<record::Block>> blocks = DecodeBlockRun(event.item.value);
      // A read will judge what does not parse.
      if (blocks.ok()) {
        callbacks_.blocks(*std::move(blocks));
      } else {
        callbacks_.missed();
      }
      return;
    }
    case RegisterKeys::Kind::kSignature: {
      if (!put) return;
      absl::StatusOr<ledger::Share> share = DecodeShare(name->node, event.item.value);
      if (share.ok() && share->point.height == name->height) callbacks_.share(*std::move(share));
      return;
    }
    case RegisterKeys::Kind::kSequencer: {
      const absl::StatusOr<record::NodeIndex> node = DecodeNode(event.item.value);
      callbacks_.sequencer(put && node.ok() ? std::optional(*node) : std::nullopt);
      return;
    }
    case RegisterKeys::Kind::kSequencerWish:
      callbacks_.wish();
      return;
    case RegisterKeys::Kind::kHead:
    case RegisterKeys::Kind::kRelay:
    case RegisterKeys::Kind::kProgress:
      return;
  }
}

}  // namespace groat::ledger_service
