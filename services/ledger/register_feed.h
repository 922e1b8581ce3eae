// Hands what changes in the register to the components: blocks, signatures, the sequencer.
//
// A watch brings changes within milliseconds, but only as hints. So the feed also reads the
// signatures now and then, and whenever the watch says that it may have missed something; follower
// and housekeeper back the rest by reads of their own.
//
// Every change costs etcd a message to every watch, and every node a message to take. While changes
// come fast the feed therefore ends its watch and looks at the register every feed interval, as
// network drivers turn from interrupts to polling, and watches again when it has become quiet.
//
// Own thread; Start and Stop by the owner.
#ifndef GROAT_SERVICES_LEDGER_REGISTER_FEED_H_
#define GROAT_SERVICES_LEDGER_REGISTER_FEED_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "services/ledger/node_context.h"
#include "services/ledger/wakeup.h"

namespace groat::ledger_service {

class RegisterFeed {
 public:
  // All are called on a thread of the register or of the feed, and must be short.
  struct Callbacks {
    std::function<void(std::vector<record::Block>)> blocks;
    std::function<void(ledger::Share)> share;
    std::function<void(std::optional<record::NodeIndex>)> sequencer;
    std::function<void()> wish;    // The wish for a sequencer changed.
    std::function<void()> missed;  // Blocks may have been missed.
  };

  RegisterFeed(const NodeContext& context, Callbacks callbacks)
      : context_(context), callbacks_(std::move(callbacks)) {}
  ~RegisterFeed() { Stop(); }

  void Start();
  void Stop();

 private:
  void Run();
  // Until changes come fast, or the feed is stopped.
  void WatchWhileQuiet();
  // Until changes come slowly, or the feed is stopped.
  void LookWhileBusy();
  // Reads the signatures.
  absl::Status ReadSignatures();
  // Hands on what changed since the last look; how many changes that were.
  absl::StatusOr<size_t> Look();
  void LookAtOne(const storage::RangeContent& content, const std::string& key,
                 std::optional<int64_t>* known);
  void OnUpdate(const storage::WatchUpdate& update);
  void OnEvent(const storage::WatchEvent& event);
  // Whether the watch's updates come fast, this one being the last.
  bool CountUpdate();

  const NodeContext& context_;
  const Callbacks callbacks_;
  Wakeup wakeup_;
  std::thread thread_;

  // Of the own thread.
  std::unique_ptr<storage::Watch> watch_;
  int64_t revision_ = 0;  // The register as of it was handed on.
  // Where the two keys were last changed; 0 if they are not there, nothing if not looked at yet.
  std::optional<int64_t> sequencer_revision_;
  std::optional<int64_t> wish_revision_;

  Mutex mutex_;
  std::chrono::steady_clock::time_point window_begin_ ABSL_GUARDED_BY(mutex_);
  size_t window_updates_ ABSL_GUARDED_BY(mutex_) = 0;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_REGISTER_FEED_H_
