#include "services/consensus/block_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace groat::consensus_service {
namespace {

constexpr size_t kResponseBytes = 1 << 20;

size_t SizeOf(const StoredBlock& stored) {
  return stored.encoding.size() + 8 * stored.repeated.size();
}

}  // namespace

void ToProto(const StoredBlock& stored, consensus::v1::Block* out) {
  out->set_header(ToString(stored.header()));
  out->set_commands(ToString(stored.commands()));
  out->set_signature(ToString(stored.signature()));
  for (const uint32_t index : stored.repeated) out->add_repeated_indexes(index);
}

BlockStream::BlockStream(grpc::CallbackServerContext* context, const Replica& replica, Height from,
                         std::function<void()> on_closed)
    : BoundedStream(context, rpc::StreamLimits{.max_messages = 16, .max_bytes = 4 << 20}),
      replica_(replica),
      on_closed_(std::move(on_closed)),
      next_(from) {}

void BlockStream::Schedule() {
  if (closed()) return;
  {
    MutexLock lock(mutex_);
    if (std::exchange(pumping_, true)) {
      again_ = true;
      return;
    }
  }
  replica_.readers.Run([self = shared_from_this()] { self->Pump(); });
}

void BlockStream::Pump() {
  while (true) {
    PumpSome();
    MutexLock lock(mutex_);
    if (std::exchange(again_, false) && !closed()) continue;
    pumping_ = false;
    return;
  }
}

void BlockStream::PumpSome() {
  while (!closed()) {
    if (!refused_.has_value()) {
      if (next_ > replica_.store.last()) return;
      absl::StatusOr<Response> response = Read();
      if (!response.ok()) return Abort(response.status());
      refused_ = *std::move(response);
    }
    if (Push(std::move(*refused_)) != rpc::PushResult::kQueued) return;
    refused_.reset();
  }
}

absl::StatusOr<BlockStream::Response> BlockStream::Read() {
  Response response;
  GROAT_ASSIGN_OR_RETURN(BlockStore::StoredProof proof, replica_.store.ProofFor(next_));
  size_t bytes = 0;
  while (next_ <= replica_.store.last()) {
    if (next_ > proof.height) {
      // Another commit's blocks, if all of them may have room.
      absl::StatusOr<BlockStore::StoredProof> following = replica_.store.ProofFor(next_);
      GROAT_RETURN_IF_ERROR(following.status());
      if (following->height != next_ || bytes >= kResponseBytes) break;
      GROAT_ASSIGN_OR_RETURN(const StoredBlock block, replica_.store.At(next_));
      if (bytes + SizeOf(block) > kResponseBytes) break;
      bytes += SizeOf(block);
      ToProto(block, response.add_blocks());
      proof = *std::move(following);
      next_ = next_.Next();
      continue;
    }
    GROAT_ASSIGN_OR_RETURN(const StoredBlock block, replica_.store.At(next_));
    // Cut a commit that is too large; its last response has the proof.
    if (bytes > 0 && bytes + SizeOf(block) > kResponseBytes) return response;
    bytes += SizeOf(block);
    ToProto(block, response.add_blocks());
    next_ = next_.Next();
  }
  response.set_commit_proof(ToString(proof.encoding));
  return response;
}

absl::StatusOr<std::shared_ptr<BlockStream>> Subscriptions::Open(
    grpc::CallbackServerContext* context, Height from) {
  MutexLock lock(mutex_);
  if (ended_) return absl::UnavailableError("the replica is draining");
  if (open_ >= replica_.max_subscribers) {
    return absl::ResourceExhaustedError(absl::StrCat(open_, " subscriptions are open already"));
  }
  auto stream = std::make_shared<BlockStream>(context, replica_, from, [this] {
    MutexLock closing(mutex_);
    --open_;
    replica_.metrics.subscribers->Set(static_cast<double>(open_));
  });
  ++open_;
  replica_.metrics.subscribers->Set(static_cast<double>(open_));
  std::erase_if(streams_, [](const auto& other) { return other.expired(); });
  streams_.push_back(stream);
  return stream;
}

std::vector<std::shared_ptr<BlockStream>> Subscriptions::Streams() {
  std::vector<std::shared_ptr<BlockStream>> out;
  MutexLock lock(mutex_);
  for (const std::weak_ptr<BlockStream>& stream : streams_) {
    if (auto open = stream.lock()) out.push_back(std::move(open));
  }
  return out;
}

void Subscriptions::Wake() {
  for (const std::shared_ptr<BlockStream>& stream : Streams()) stream->Schedule();
}

void Subscriptions::End() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
  }
  for (const std::shared_ptr<BlockStream>& stream : Streams()) {
    stream->Abort(absl::UnavailableError("the replica is draining"));
  }
}

}  // namespace groat::consensus_service
