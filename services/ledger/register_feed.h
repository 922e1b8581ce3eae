// Hands what changes in the register to the components: blocks, signatures, the sequencer.
//
// A watch brings changes within milliseconds, but only as hints. So the feed also reads the
// signatures now and then, and whenever the watch says that it may have missed something; follower
// and housekeeper back the rest by reads of their own. Own thread; Start and Stop by the owner.
#ifndef GROAT_SERVICES_LEDGER_REGISTER_FEED_H_
#define GROAT_SERVICES_LEDGER_REGISTER_FEED_H_

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
  // Reads the signatures; the revision read.
  absl::StatusOr<int64_t> ReadAll();
  void OnUpdate(const storage::WatchUpdate& update);
  void OnEvent(const storage::WatchEvent& event);

  const NodeContext& context_;
  const Callbacks callbacks_;
  Wakeup wakeup_;
  std::thread thread_;
  std::unique_ptr<storage::Watch> watch_;  // Of the own thread.
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_REGISTER_FEED_H_
