// What is measured between nodes, in the same words for both forms: every node answers, and one of
// them, the leader, is told by a command line to measure and reports one line.
//
//   echo ROUNDS BYTES                     each round to all peers and back from all
//                                         -> done P50_US P99_US MAX_US
//   stream PEER MESSAGES BYTES            as fast as they go, until the last is confirmed
//                                         -> done MESSAGES_PER_SECOND
//   ping PEER COUNT INTERVAL_US BULK      one urgent message of 500 bytes there and back at a time,
//                                         while bulk messages of BULK bytes flow (0: none)
//                                         -> done P50_US P99_US MAX_US BULK_BYTES_PER_SECOND
//
// Belongs to the thread of its links.
#ifndef GROAT_LOADTEST_MESH_WORKLOAD_H_
#define GROAT_LOADTEST_MESH_WORKLOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "loadtest/mesh/links.h"
#include "telemetry/latency_histogram.h"

namespace groat::load {

class Workload final : public LinksUser {
 public:
  explicit Workload(Links& links) : links_(links) {}

  // False if it is no command of a workload. `peers` is the number of connected peers.
  bool Begin(const std::vector<std::string>& command, size_t peers);

  void OnMessage(size_t peer, ByteView message) override;
  void OnRoom(size_t peer) override;

 private:
  // First byte of every message.
  enum Kind : uint8_t { kQuestion = 1, kAnswer, kStreamed, kLastStreamed, kConfirmed, kBulk };

  void BeginRound();
  void OnAnswer();
  void EndEcho();
  void PumpStream();
  void PumpBulk();
  void BeginPing();
  void EndPing();

  Links& links_;
  std::function<void()> begin_next_ = nullptr;  // Of the echo and ping under way.
  std::function<void()> end_ = nullptr;
  Bytes message_;
  Bytes bulk_;
  size_t peer_ = 0;
  size_t answers_wanted_ = 0;
  size_t answers_ = 0;
  uint64_t rounds_left_ = 0;
  uint64_t warm_up_left_ = 0;
  int64_t interval_ns_ = 0;
  int64_t began_ns_ = 0;  // The round, or the stream.
  int64_t bulk_began_ns_ = 0;
  uint64_t bulk_sent_ = 0;
  uint64_t stream_left_ = 0;
  uint64_t stream_messages_ = 0;
  telemetry::LatencyHistogram latency_ns_;
};

}  // namespace groat::load

#endif  // GROAT_LOADTEST_MESH_WORKLOAD_H_
