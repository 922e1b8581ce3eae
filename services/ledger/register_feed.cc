#include "services/ledger/register_feed.h"

#include "base/status_macros.h"

namespace groat::ledger_service {
namespace {

// Polls of the head for one reading of the signatures.
constexpr int kPollsPerReading = 5;
// Feed intervals over which updates are counted.
constexpr int kIntervalsInWindow = 10;
// Updates in a window from which on looking is cheaper, and below which watching is again: 120 and
// 50 a second at the interval's default. Half a dozen shards with cycles of 500 ms stay below, and
// get their checkpoints without the delay of looks.
constexpr size_t kBusyUpdates = 60;
constexpr size_t kQuietUpdates = 25;
// Block runs of one look; a reading by the follower brings the rest.
constexpr int64_t kRunsPerLook = 256;

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
    WatchWhileQuiet();
    LookWhileBusy();
  }
}

void RegisterFeed::WatchWhileQuiet() {
  while (!wakeup_.stopped()) {
    {
      MutexLock lock(mutex_);
      if (busy_) break;
    }
    if (!ReadSignatures().ok()) {
      context_.metrics->register_errors.Increment();
      wakeup_.Sleep(context_.timing.retry_backoff);
      continue;
    }
    if (watch_ == nullptr) {
      watch_ = context_.reg->WatchPrefix(
          context_.keys.prefix(), revision_ + 1,
          [this](const storage::WatchUpdate& update) { OnUpdate(update); });
      callbacks_.missed();  // What came before the watch.
    }
    wakeup_.Sleep(kPollsPerReading * context_.timing.poll_interval);
  }
  watch_.reset();
}

void RegisterFeed::LookWhileBusy() {
  context_.metrics->busy_feeds.Increment();
  // The watch ended somewhere: the first look brings some changes once more.
  size_t changes = 0;
  int looks = 0;
  while (wakeup_.Sleep(context_.timing.feed_interval)) {
    const absl::StatusOr<size_t> seen = Look();
    if (!seen.ok()) {
      context_.metrics->register_errors.Increment();
      wakeup_.Pause(context_.timing.retry_backoff);
      continue;
    }
    changes += *seen;
    if (++looks < kIntervalsInWindow) continue;
    if (changes < kQuietUpdates) break;
    looks = 0;
    changes = 0;
  }
  MutexLock lock(mutex_);
  busy_ = false;
  window_updates_ = 0;
}

absl::Status RegisterFeed::ReadSignatures() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges({{context_.keys.Signatures()}}, storage::Consistency::kStale));
  for (const storage::KeyValue& item : read.ranges[0].items) {
    OnEvent({storage::WatchEvent::Kind::kPut, item});
  }
  revision_ = read.revision;
  return absl::OkStatus();
}

absl::StatusOr<size_t> RegisterFeed::Look() {
  GROAT_ASSIGN_OR_RETURN(
      const storage::ReadResult read,
      context_.reg->ReadRanges(
          {{context_.keys.BlockRunsFrom(context_.store->applied().Next()), kRunsPerLook},
           {context_.keys.Signatures()},
           {storage::KeyRange::Single(context_.keys.Sequencer())},
           {storage::KeyRange::Single(context_.keys.SequencerWish())}},
          storage::Consistency::kStale));
  if (read.revision <= revision_) return 0;  // Nothing new, or a member that lags.
  size_t changes = 0;
  for (size_t range = 0; range < 2; ++range) {
    for (const storage::KeyValue& item : read.ranges[range].items) {
      if (item.mod_revision <= revision_) continue;
      OnEvent({storage::WatchEvent::Kind::kPut, item});
      ++changes;
    }
  }
  if (read.ranges[0].more) callbacks_.missed();
  LookAtOne(read.ranges[2], context_.keys.Sequencer(), &sequencer_revision_);
  LookAtOne(read.ranges[3], context_.keys.SequencerWish(), &wish_revision_);
  revision_ = read.revision;
  return changes;
}

void RegisterFeed::LookAtOne(const storage::RangeContent& content, const std::string& key,
                             std::optional<int64_t>* known) {
  const int64_t revision = content.items.empty() ? 0 : content.items[0].mod_revision;
  if (*known == revision) return;
  *known = revision;
  storage::WatchEvent event;
  event.kind = revision == 0 ? storage::WatchEvent::Kind::kDelete : storage::WatchEvent::Kind::kPut;
  event.item.key = key;
  if (revision != 0) event.item = content.items[0];
  OnEvent(event);
}

bool RegisterFeed::CountUpdate() {
  const auto now = std::chrono::steady_clock::now();
  MutexLock lock(mutex_);
  if (now - window_begin_ > kIntervalsInWindow * context_.timing.feed_interval) {
    window_begin_ = now;
    window_updates_ = 0;
  }
  if (++window_updates_ >= kBusyUpdates) busy_ = true;
  return busy_;
}

void RegisterFeed::OnUpdate(const storage::WatchUpdate& update) {
  if (update.kind == storage::WatchUpdate::Kind::kCompacted) {
    callbacks_.missed();
    wakeup_.Wake();
    return;
  }
  for (const storage::WatchEvent& event : update.events) OnEvent(event);
  if (CountUpdate()) wakeup_.Wake();
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
