// A network whose messages, peers and answers come from a tape.
//
// Single-threaded.
#ifndef GROAT_P2P_TRACE_REPLAY_NETWORK_H_
#define GROAT_P2P_TRACE_REPLAY_NETWORK_H_

#include <map>
#include <memory>
#include <vector>

#include "p2p/network.h"
#include "p2p/trace/replay_tape.h"

namespace groat::p2p {

class ReplayNetwork final : public Network {
 public:
  // The tape must outlive it.
  ReplayNetwork(ReplayTape& tape, const PeerId& self);
  ~ReplayNetwork() override;

  const PeerId& self() const override { return self_; }
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) override;
  void WatchPeers(PeerWatch watch) override;
  absl::Status Start() override;
  absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers) override;
  void DropPeers(uint64_t index) override;
  void Block(const PeerId& peer, std::string_view why) override;
  std::vector<PeerId> Connected() const override;

  // Call back as the record says, which is what Peek gave; stop the tape if the protocol asked for
  // no such callback.
  void Ready(const TraceRecord& record);
  void Room(const TraceRecord& record);
  void PeerChanged(const TraceRecord& record, PeerEvent event);

 private:
  class ReplayChannel;
  ReplayChannel* Find(ChannelId id) const;

  ReplayTape& tape_;
  const PeerId self_;
  std::vector<std::unique_ptr<ReplayChannel>> channels_;
  std::map<uint64_t, PeerWatch> watches_;
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_REPLAY_NETWORK_H_
