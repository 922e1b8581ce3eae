#include "services/relay/testing/fake_ledger.h"

#include <grpcpp/server_builder.h>

#include "base/check.h"
#include "wire/common.h"

namespace groat::relay_service {
namespace {

using record::Height;

grpc::Status NotThere() { return {grpc::StatusCode::UNAVAILABLE, "told to be away"}; }

}  // namespace

FakeLedger::FakeLedger() : key_(bls::SecretKey::Generate()) {
  ledger_id_[0] = 42;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  GROAT_CHECK(server_ != nullptr);
}

FakeLedger::~FakeLedger() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  server_->Shutdown(std::chrono::system_clock::now());
}

asset::Trust FakeLedger::TrustFor(const asset::RelayTrust& relay) const {
  return {.ledger_id = ledger_id_, .ledger_nodes = {registration_}, .relays = {relay}};
}

void FakeLedger::SetAvailable(bool available) {
  MutexLock lock(mutex_);
  available_ = available;
}

void FakeLedger::SetCheckpoints(bool checkpoints) {
  {
    MutexLock lock(mutex_);
    checkpoints_ = checkpoints;
  }
  changed_.NotifyAll();
}

void FakeLedger::Forge(const record::SignedRoot& root) {
  MutexLock lock(mutex_);
  Append(root);
}

void FakeLedger::Forget(Height height) {
  MutexLock lock(mutex_);
  const std::vector<record::Block> kept(
      blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(height.value()));
  blocks_.clear();
  log_ = {};
  nodes_ = {};
  for (const record::Block& block : kept) Append(block.root);
}

std::vector<record::Block> FakeLedger::blocks() const {
  MutexLock lock(mutex_);
  return blocks_;
}

std::vector<merkle::LogHash> FakeLedger::PathOf(Height height, Height log_height) const {
  MutexLock lock(mutex_);
  const auto proof = merkle::ProveLogInclusion(height.value() - 1, log_height.value(), nodes_);
  GROAT_CHECK_OK(proof.status());
  return proof->path;
}

record::Block FakeLedger::Append(const record::SignedRoot& root) {
  record::Block block{.height = Height(blocks_.size() + 1),
                      .previous_id = blocks_.empty() ? Bytes32() : blocks_.back().Id(),
                      .timestamp_ms = blocks_.size(),
                      .root = root};
  blocks_.push_back(block);
  nodes_.Store(log_.Append(block.Id()));
  return block;
}

grpc::Status FakeLedger::AppendRoot(grpc::ServerContext*,
                                    const ledger::v1::AppendRootRequest* request,
                                    ledger::v1::AppendRootResponse* response) {
  {
    MutexLock lock(mutex_);
    if (!available_) return NotThere();
    for (const auto& proto : request->roots()) {
      const auto root = wire::FromProto(proto);
      if (!root.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, root.status().ToString()};
      const uint64_t cycle = root->statement.cycle.value();
      if (cycle <= blocks_.size()) {
        wire::ToProto(blocks_[cycle - 1], response->add_blocks());
      } else if (cycle == blocks_.size() + 1) {
        wire::ToProto(Append(*root), response->add_blocks());
      } else {
        return {grpc::StatusCode::FAILED_PRECONDITION, "gap"};
      }
    }
  }
  changed_.NotifyAll();
  return grpc::Status::OK;
}

grpc::Status FakeLedger::GetBlock(grpc::ServerContext*, const ledger::v1::GetBlockRequest* request,
                                  ledger::v1::GetBlockResponse* response) {
  MutexLock lock(mutex_);
  if (!available_) return NotThere();
  const uint64_t cycle = request->relay_cycle().cycle();
  if (cycle == 0 || cycle > blocks_.size()) return {grpc::StatusCode::NOT_FOUND, "no such cycle"};
  wire::ToProto(blocks_[cycle - 1], response->mutable_block());
  return grpc::Status::OK;
}

record::SignedCheckpoint FakeLedger::Sign() const {
  record::SignedCheckpoint out;
  out.checkpoint = {.ledger_id = ledger_id_,
                    .height = blocks_.back().height,
                    .block_id = blocks_.back().Id(),
                    .log_root = log_.Root()};
  const auto nodes = record::NodeKeys::FromProven({&registration_, 1});
  out.quorum =
      nodes->Combine({{record::NodeIndex(0), record::SignAsNode(key_, out.checkpoint.Encode())}});
  return out;
}

grpc::Status FakeLedger::WatchCheckpoints(
    grpc::ServerContext* context, const ledger::v1::WatchCheckpointsRequest* request,
    grpc::ServerWriter<ledger::v1::WatchCheckpointsResponse>* writer) {
  uint64_t sent = request->above_height();
  while (true) {
    ledger::v1::WatchCheckpointsResponse response;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && !context->IsCancelled() && (!checkpoints_ || blocks_.size() <= sent)) {
        changed_.WaitUntil(mutex_,
                           std::chrono::steady_clock::now() + std::chrono::milliseconds(20));
      }
      if (stopping_ || context->IsCancelled()) return grpc::Status::CANCELLED;
      const record::SignedCheckpoint checkpoint = Sign();
      sent = checkpoint.checkpoint.height.value();
      wire::ToProto(checkpoint, response.mutable_checkpoint());
    }
    writer->Write(response);
  }
}

}  // namespace groat::relay_service
