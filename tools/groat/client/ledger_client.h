// Reads a ledger through any of its nodes, changing to another one when one fails.
//
// Blocks the caller; thread-safe. Every call is repeated as long as `RetryPolicy` allows; errors
// are those of the contract (proto/groat/ledger/v1), or InvalidArgument for an answer that does not
// hold what the contract says.
#ifndef GROAT_TOOLS_GROAT_CLIENT_LEDGER_CLIENT_H_
#define GROAT_TOOLS_GROAT_CLIENT_LEDGER_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "groat/ledger/v1/admin.grpc.pb.h"
#include "groat/ledger/v1/ledger.grpc.pb.h"
#include "merkle/block_log.h"
#include "record/block.h"
#include "record/checkpoint.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/tls.h"

namespace groat::client {

// A page of blocks, as the contract bounds it.
inline constexpr uint32_t kMaxBlocksPerPage = 1000;

struct Head {
  std::optional<record::Block> block;  // Nothing while the ledger is empty.
  Bytes32 ledger_id;
  record::Height applied;  // What the node that answered has applied.
};

class LedgerClient {
 public:
  // At least one endpoint. Errors as rpc::MakeChannel.
  static absl::StatusOr<std::unique_ptr<LedgerClient>> Make(
      const std::vector<std::string>& endpoints, const rpc::TlsConfig& tls,
      rpc::Cancellation& cancellation);

  // For all calls to come.
  void set_policy(const rpc::RetryPolicy& policy) { policy_ = policy; }

  absl::StatusOr<Head> GetHead(ledger::v1::ReadMode mode) const;
  absl::StatusOr<record::Block> GetBlock(const ledger::v1::GetBlockRequest& request) const;
  // The block of one cycle; waits until it is appended, at most `timeout` (DeadlineExceeded).
  absl::StatusOr<record::Block> WaitBlockOfCycle(const record::RootStatement& statement,
                                                 std::chrono::milliseconds timeout) const;
  // Ascending from `from`, at most `limit` (1 to kMaxBlocksPerPage).
  absl::StatusOr<std::vector<record::Block>> ListBlocks(record::Height from, uint32_t limit,
                                                        ledger::v1::ReadMode mode) const;
  // One inclusion path a height, in the log of `log_height` blocks.
  absl::StatusOr<std::vector<std::vector<merkle::LogHash>>> GetLogPaths(
      const std::vector<record::Height>& heights, record::Height log_height) const;
  // Waits for a checkpoint that covers `height`, at most `timeout` (DeadlineExceeded).
  absl::StatusOr<record::SignedCheckpoint> WaitCheckpoint(record::Height height,
                                                          std::chrono::milliseconds timeout) const;
  // Each block from `from` on as it is applied, until `on_block` returns false (OK) or the client
  // is cancelled (Cancelled). Goes on at another node when a stream breaks.
  absl::Status WatchBlocks(record::Height from,
                           const std::function<bool(const record::Block&)>& on_block) const;

  // For operators; one attempt, as not all of them may be repeated.
  using AdminCall =
      std::function<grpc::Status(ledger::v1::LedgerAdminService::Stub&, grpc::ClientContext&)>;
  absl::Status Admin(std::chrono::milliseconds timeout, const AdminCall& call) const;

  size_t node_count() const { return group_->size(); }

 private:
  using Call = std::function<grpc::Status(ledger::v1::LedgerService::Stub&, grpc::ClientContext&)>;
  LedgerClient(std::unique_ptr<rpc::ChannelGroup> group, rpc::Cancellation& cancellation)
      : group_(std::move(group)), cancellation_(cancellation) {}
  absl::Status WithRetry(const Call& call) const;

  const std::unique_ptr<rpc::ChannelGroup> group_;
  rpc::Cancellation& cancellation_;
  rpc::RetryPolicy policy_;
};

}  // namespace groat::client

#endif  // GROAT_TOOLS_GROAT_CLIENT_LEDGER_CLIENT_H_
