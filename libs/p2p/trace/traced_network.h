// A network that passes everything on to another one and records what a protocol does with it, and
// what it answers.
//
// Threads as network.h says.
#ifndef GROAT_P2P_TRACE_TRACED_NETWORK_H_
#define GROAT_P2P_TRACE_TRACED_NETWORK_H_

#include <memory>
#include <string>
#include <vector>

#include "p2p/network.h"
#include "p2p/trace/trace_recorder.h"

namespace groat::p2p {

class TracedNetwork final : public Network {
 public:
  // Both must outlive every callback of `inner`, and so must this.
  TracedNetwork(Network& inner, TraceRecorder& recorder);
  ~TracedNetwork() override;

  const PeerId& self() const override { return inner_.self(); }
  absl::StatusOr<Channel> Register(ChannelId id, const ChannelOptions& options) override;
  void WatchPeers(PeerWatch watch) override;
  absl::Status Start() override;
  absl::Status SetPeers(uint64_t index, std::vector<PeerId> peers) override;
  void DropPeers(uint64_t index) override;
  void Block(const PeerId& peer, std::string_view why) override;
  std::vector<PeerId> Connected() const override;

 private:
  class TracedChannel;
  void RecordReturned(const absl::Status& status);

  Network& inner_;
  TraceRecorder& recorder_;
  std::vector<std::unique_ptr<TracedChannel>> channels_;
  uint64_t next_watch_ = 1;
};

// A channel's options as traces and replays compare them.
std::string TraceText(const ChannelOptions& options);
std::string_view TraceLabel(Rejection why);

}  // namespace groat::p2p

#endif  // GROAT_P2P_TRACE_TRACED_NETWORK_H_
