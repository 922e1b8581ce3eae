#include "tests/e2e/append_load.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rpc/channel.h"
#include "rpc/status.h"
#include "tests/e2e/update_load.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

constexpr milliseconds kCallTimeout{5000};
constexpr milliseconds kRetryPause{10};
// One in so many appends is sent again after it was acknowledged.
constexpr uint64_t kRepeatOneIn = 8;

}  // namespace

AppendLoad::AppendLoad(Cluster& cluster, const std::vector<std::unique_ptr<RootSource>>& sources,
                       const Options& options, ChainHistory& history)
    : cluster_(cluster), options_(options), history_(history) {
  uint64_t seed = options_.seed * 1000;
  for (const std::unique_ptr<RootSource>& source : sources) {
    threads_.emplace_back([this, &source, seed = ++seed] { Write(*source, Random(seed)); });
  }
  for (size_t i = 0; i < options_.readers; ++i) {
    threads_.emplace_back([this, seed = ++seed] { Read(Random(seed)); });
  }
}

void AppendLoad::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool AppendLoad::Ended() const {
  MutexLock lock(mutex_);
  return stopping_ || !status_.ok();
}

void AppendLoad::Fail(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = status;
    changed_.NotifyAll();
  }
  failed_.Cancel();
}

absl::Status AppendLoad::UntilAnswered(Random& random, const Call& call) {
  const Clock::time_point begin = Clock::now();
  const auto nodes = static_cast<uint32_t>(cluster_.file().ledger.size());
  for (;;) {
    const auto node = static_cast<uint32_t>(Pick(random, 0, nodes - 1));
    const absl::Status status = call(cluster_.ledger(node));
    if (status.ok()) return status;
    if (!MayComeBack(status) || Since(begin) > kPatience) return status;
    if (!failed_.Sleep(kRetryPause)) return absl::CancelledError("the load has failed");
  }
}

absl::StatusOr<std::vector<record::Block>> AppendLoad::Append(
    Random& random, const std::vector<record::SignedRoot>& roots) {
  ledger::v1::AppendRootRequest request;
  for (const record::SignedRoot& root : roots) wire::ToProto(root, request.add_roots());
  ledger::v1::AppendRootResponse response;
  GROAT_RETURN_IF_ERROR(UntilAnswered(random, [&](ledger::v1::LedgerService::Stub& stub) {
    rpc::CallContext context(kCallTimeout);
    return rpc::FromGrpc(stub.AppendRoot(&context, request, &response));
  }));
  std::vector<record::Block> blocks;
  for (const common::v1::Block& proto : response.blocks()) {
    GROAT_ASSIGN_OR_RETURN(record::Block block, wire::FromProto(proto));
    blocks.push_back(std::move(block));
  }
  if (blocks.size() != roots.size()) {
    return absl::InternalError(absl::StrCat(blocks.size(), " blocks, want ", roots.size()));
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].root == roots[i]) continue;
    return absl::DataLossError(absl::StrCat("block ", blocks[i].height.value(), " has ",
                                            blocks[i].root.statement.Name(), ", want ",
                                            roots[i].statement.Name()));
  }
  return blocks;
}

void AppendLoad::Write(RootSource& source, Random random) {
  while (!Ended()) {
    std::vector<record::SignedRoot> roots(Pick(random, 1, options_.max_roots));
    std::vector<ChainHistory::Operation> operations;
    for (record::SignedRoot& root : roots) {
      root = source.CloseCycle();
      operations.push_back(history_.BeginAppend(root.statement.relay, root.statement.cycle));
    }
    const Clock::time_point begin = Clock::now();
    const absl::StatusOr<std::vector<record::Block>> blocks = Append(random, roots);
    if (!blocks.ok()) return Fail(blocks.status());
    for (size_t i = 0; i < roots.size(); ++i) history_.EndAppend(operations[i], (*blocks)[i]);
    {
      MutexLock lock(mutex_);
      acknowledged_ += roots.size();
      last_answered_begin_ = std::max(last_answered_begin_, begin);
      changed_.NotifyAll();
    }
    if (Pick(random, 1, kRepeatOneIn) != 1) continue;
    const absl::StatusOr<std::vector<record::Block>> again = Append(random, roots);
    if (!again.ok()) return Fail(again.status());
    if (*again != *blocks) {
      return Fail(absl::DataLossError(absl::StrCat(roots[0].statement.Name(), " was in block ",
                                                   (*blocks)[0].height.value(), " and is in block ",
                                                   (*again)[0].height.value())));
    }
  }
}

void AppendLoad::Read(Random random) {
  while (!Ended()) {
    const ChainHistory::Operation operation = history_.BeginRead();
    ledger::v1::GetHeadResponse response;
    const absl::Status status = UntilAnswered(random, [&](ledger::v1::LedgerService::Stub& stub) {
      rpc::CallContext context(kCallTimeout);
      return rpc::FromGrpc(stub.GetHead(&context, {}, &response));
    });
    if (!status.ok()) return Fail(status);
    std::optional<record::Block> head;
    if (response.has_block()) {
      absl::StatusOr<record::Block> block = wire::FromProto(response.block());
      if (!block.ok()) return Fail(block.status());
      head = *std::move(block);
    }
    history_.EndRead(operation, head);
  }
}

absl::Status AppendLoad::WaitForAcknowledged(uint64_t count) const {
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(mutex_);
  while (acknowledged_ < count && status_.ok()) {
    if (!changed_.WaitUntil(mutex_, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat(acknowledged_, " roots acknowledged, want ", count));
    }
  }
  return status_;
}

absl::Status AppendLoad::WaitForFreshAnswer() const {
  const Clock::time_point begin = Clock::now();
  MutexLock lock(mutex_);
  while (last_answered_begin_ < begin && status_.ok()) {
    if (!changed_.WaitUntil(mutex_, begin + kPatience)) {
      return absl::DeadlineExceededError("no append was answered");
    }
  }
  return status_;
}

uint64_t AppendLoad::acknowledged_count() const {
  MutexLock lock(mutex_);
  return acknowledged_;
}

absl::Status AppendLoad::status() const {
  MutexLock lock(mutex_);
  return status_;
}

}  // namespace groat::e2e
