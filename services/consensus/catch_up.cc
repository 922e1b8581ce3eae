#include "services/consensus/catch_up.h"

#include <chrono>

namespace groat::consensus_service {

using hotstuff::HandoverCheck;
using hotstuff::HeadCheck;

CatchUp::CatchUp(const Parts& parts, hotstuff::StateTransfer transfer, Events events)
    : parts_(parts), transfer_(std::move(transfer)), events_(std::move(events)) {}

void CatchUp::Step(const hotstuff::TransferEvent& event) {
  if (stopped_) return;
  hotstuff::TransferEffects effects = transfer_.Step(event, NowMs());
  SetTimer(effects.wake_at_ms);
  for (const hotstuff::TransferSend& send : effects.sends) {
    parts_.channels.SendTransfer(send.to, send.message);
  }
  if (effects.check_handovers.has_value()) {
    const auto check = std::make_shared<const HandoverCheck>(*std::move(effects.check_handovers));
    const auto checked = std::make_shared<hotstuff::HandoversChecked>();
    parts_.workers.Run(
        [this, check, checked] { checked->right = RunCheck(*check, parts_.genesis); },
        [this, checked] { Step(*checked); });
  }
  if (effects.check_head.has_value()) {
    const auto check = std::make_shared<const HeadCheck>(*std::move(effects.check_head));
    const auto checked = std::make_shared<hotstuff::HeadChecked>();
    parts_.workers.Run([this, check, checked] { checked->head = RunCheck(*check, parts_.genesis); },
                       [this, checked] { Step(*checked); });
  }
  if (effects.peers_changed) parts_.executor.Post([this] { events_.peers_changed(); });
  if (effects.end_epoch.has_value()) {
    parts_.executor.Post(
        [this, proof = *std::move(effects.end_epoch)] { events_.epoch_over(proof); });
  }
  if (effects.install.has_value()) {
    parts_.executor.Post([this, install = *std::move(effects.install)]() mutable {
      events_.install(std::move(install));
    });
  }
}

void CatchUp::Stop() {
  stopped_ = true;
  if (timer_ != 0) parts_.executor.Cancel(timer_);
}

void CatchUp::Fetch(const hotstuff::BlockRequest& request) {
  fetching_from_ = transfer_.PeerForBlocks(request.from);
  if (!fetching_from_.has_value()) return;
  const hotstuff::Message message = request;
  parts_.channels.Send(LaneOf(message), {&*fetching_from_, 1}, hotstuff::EncodeMessage(message));
}

bool CatchUp::TakeFetched(const p2p::PeerId& from) {
  if (fetching_from_ != from) return false;
  fetching_from_.reset();
  return true;
}

uint64_t CatchUp::NowMs() const {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
      parts_.executor.Now().time_since_epoch());
  return static_cast<uint64_t>(since.count());
}

void CatchUp::SetTimer(uint64_t wake_ms) {
  if (timer_ != 0 && wake_ms == timer_ms_) return;
  if (timer_ != 0) parts_.executor.Cancel(timer_);
  timer_ms_ = wake_ms;
  timer_ = parts_.executor.PostAt(
      p2p::Instant(std::chrono::milliseconds(static_cast<int64_t>(wake_ms))), [this] {
        timer_ = 0;
        Step(hotstuff::TransferTick());
      });
}

}  // namespace groat::consensus_service
