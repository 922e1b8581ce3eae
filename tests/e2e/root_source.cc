#include "tests/e2e/root_source.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/blake3.h"
#include "rpc/status.h"
#include "wire/common.h"

namespace groat::e2e {
namespace {

using relay::v1::GetGrowthProofResponse;

// Proofs of one leaf are far smaller.
constexpr size_t kChunkBytes = 256 << 10;

// Writes one response, or none, and ends the call.
class OneResponse final : public grpc::ServerWriteReactor<GetGrowthProofResponse> {
 public:
  explicit OneResponse(absl::StatusOr<GetGrowthProofResponse> response)
      : response_(std::move(response)) {
    if (response_.ok()) {
      StartWriteAndFinish(&*response_, {}, grpc::Status::OK);
    } else {
      Finish(rpc::ToGrpc(response_.status()));
    }
  }
  void OnDone() override { delete this; }

 private:
  const absl::StatusOr<GetGrowthProofResponse> response_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RootSource>> RootSource::Start(record::RelayId relay,
                                                              const rpc::TlsConfig& tls) {
  std::unique_ptr<RootSource> source(new RootSource(relay));
  rpc::ServerOptions options;
  options.tls = tls;
  options.services = {source.get()};
  GROAT_ASSIGN_OR_RETURN(source->server_, rpc::Server::Start(options));
  source->server_->SetServing(true);
  return source;
}

RootSource::~RootSource() {
  if (server_ != nullptr) server_->Drain(std::chrono::milliseconds(0));
}

std::string RootSource::endpoint() const { return absl::StrCat("127.0.0.1:", server_->port()); }

asset::RelayTrust RootSource::trust() const {
  asset::RelayTrust trust;
  trust.relay = relay_;
  trust.public_key = key_.public_key();
  return trust;
}

record::SignedRoot RootSource::CloseCycle() {
  static const Blake3Context context("groat test leaf");
  MutexLock lock(mutex_);
  const uint64_t cycle = roots_.size() + 1;
  const Bytes32 key = context(ByteView(ByteWriter().U32(relay_.value()).U64(cycle).bytes()));
  GROAT_CHECK_OK(trie_.BeginCycle(cycle));
  GROAT_CHECK_OK(trie_.Add(std::vector<merkle::TrieEntry>{{key, key}}));
  const merkle::TrieSummary summary = trie_.Seal();
  record::RootStatement statement;
  statement.relay = relay_;
  statement.cycle = record::Cycle(cycle);
  statement.root = summary.root;
  statement.leaf_count = summary.leaf_count;
  statement.new_leaf_count = summary.new_leaf_count;
  roots_.push_back(record::SignRoot(statement, key_));
  return roots_.back();
}

absl::StatusOr<GetGrowthProofResponse> RootSource::Prove(uint64_t cycle) {
  MutexLock lock(mutex_);
  if (cycle == 0 || cycle > roots_.size()) {
    return absl::OutOfRangeError(absl::StrCat("cycle ", cycle, ", want 1 to ", roots_.size()));
  }
  GROAT_ASSIGN_OR_RETURN(merkle::GrowthCursor cursor, trie_.ProveGrowth(cycle));
  GetGrowthProofResponse response;
  wire::ToProto(roots_[cycle - 1], response.mutable_root());
  response.set_chunk(ToString(trie_.NextGrowthChunk(cursor, kChunkBytes)));
  GROAT_CHECK(cursor.done());
  return response;
}

grpc::ServerWriteReactor<GetGrowthProofResponse>* RootSource::GetGrowthProof(
    grpc::CallbackServerContext*, const relay::v1::GetGrowthProofRequest* request) {
  return new OneResponse(Prove(request->cycle()));
}

}  // namespace groat::e2e
