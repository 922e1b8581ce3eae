#include "services/consensus/submit_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "wire/consensus.h"

namespace groat::consensus_service {
namespace {

namespace v1 = ::groat::consensus::v1;
using v1::SubmitStreamRequest;
using v1::SubmitStreamResponse;

// Answers that wait for a client that does not read.
constexpr size_t kMaxQueuedAnswers = 1024;

void SetRefused(const absl::Status& status, v1::RefusedCommands& out) {
  out.set_code(static_cast<uint32_t>(status.code()));
  out.set_message(std::string(status.message()));
}

// Runs of one client, of which an answer has few.
SubmitStreamResponse ToProto(const SubmitAnswer& answer) {
  SubmitStreamResponse out;
  const auto client_of = [](const auto* part) { return part->client_id(); };
  v1::CommittedCommands* committed = nullptr;
  v1::RefusedCommands* refused = nullptr;
  for (const SubmitAnswer::Placed& placed : answer.commands) {
    const uint64_t client = placed.key.client.value();
    if (!answer.refusal.ok()) {
      if (refused == nullptr || client_of(refused) != client) {
        refused = out.add_refused();
        refused->set_client_id(client);
        SetRefused(answer.refusal, *refused);
      }
      refused->add_sequences(placed.key.sequence.value());
      continue;
    }
    if (committed == nullptr || client_of(committed) != client) {
      committed = out.add_committed();
      committed->set_client_id(client);
      committed->set_height(answer.height.value());
    }
    committed->add_sequences(placed.key.sequence.value());
    committed->add_indexes(placed.index);
  }
  return out;
}

}  // namespace

SubmitCall::SubmitCall(Reply reply, const std::vector<hotstuff::Command>& commands)
    : reply_(std::move(reply)), positions_(commands.size()), missing_(commands.size()) {
  sequences_.reserve(commands.size());
  for (const hotstuff::Command& command : commands) sequences_.push_back(command.key.sequence);
}

void SubmitCall::Take(const SubmitAnswer& answer) {
  if (missing_ == 0) return;
  if (!answer.refusal.ok()) {
    missing_ = 0;
    const hotstuff::CommandKey& key = answer.commands.front().key;
    return reply_.Fail(absl::Status(
        answer.refusal.code(), absl::StrCat("client ", key.client.value(), ", sequence ",
                                            key.sequence.value(), ": ", answer.refusal.message())));
  }
  for (const SubmitAnswer::Placed& placed : answer.commands) {
    const auto at = std::lower_bound(sequences_.begin(), sequences_.end(), placed.key.sequence);
    positions_[static_cast<size_t>(at - sequences_.begin())] = {answer.height, placed.index};
    --missing_;
  }
  if (missing_ > 0) return;
  v1::SubmitResponse response;
  for (const Position& position : positions_) {
    v1::Position* const out = response.add_positions();
    out->set_height(position.height.value());
    out->set_index(position.index);
  }
  reply_.Send(std::move(response));
}

grpc::ServerUnaryReactor* StartSubmit(const SubmitPath& path, grpc::CallbackServerContext* context,
                                      const v1::SubmitRequest& request,
                                      v1::SubmitResponse* response) {
  auto commands = wire::CommandsFromProto(request, path.block);
  if (!commands.ok()) {
    path.metrics.refused_commands->Increment(request.commands_size());
    return rpc::FinishUnary(context, commands.status());
  }
  SubmitCall::Reply reply(context, response);
  grpc::ServerUnaryReactor* const reactor = reply.reactor();
  const auto call = std::make_shared<SubmitCall>(std::move(reply), *commands);
  const absl::Status status = path.desk.Offer(*std::move(commands), call);
  if (!status.ok()) call->Fail(status);
  return reactor;
}

SubmitStream::SubmitStream(grpc::CallbackServerContext* context, const SubmitPath& path)
    : BoundedBidiStream(context, rpc::StreamLimits{.max_messages = 256, .max_bytes = 4 << 20}),
      path_(path) {}

void SubmitStream::OnMessage(SubmitStreamRequest request) {
  auto commands = wire::CommandsFromProto(request, path_.block);
  const size_t count = static_cast<size_t>(request.commands_size());
  bool read_on;
  {
    MutexLock lock(mutex_);
    open_ += count;
    read_on = MayRead();
  }
  absl::Status status = commands.status();
  if (status.ok()) {
    status = path_.desk.Offer(*std::move(commands), shared_from_this());
  } else {
    path_.metrics.refused_commands->Increment(static_cast<double>(count));
  }
  if (!status.ok()) Refuse(request, status);
  if (read_on) ReadNext();
}

bool SubmitStream::MayRead() const {
  return end_.ok() && open_ < kMaxOpenCommands && answers_.size() < kMaxQueuedAnswers;
}

void SubmitStream::Refuse(const SubmitStreamRequest& request, const absl::Status& status) {
  SubmitStreamResponse response;
  v1::RefusedCommands* const refused = response.add_refused();
  refused->set_client_id(request.client_id());
  SetRefused(status, *refused);
  for (const v1::Command& command : request.commands()) {
    refused->add_sequences(command.sequence());
  }
  Answer(std::move(response), static_cast<size_t>(request.commands_size()));
}

void SubmitStream::Take(const SubmitAnswer& answer) {
  Answer(ToProto(answer), answer.commands.size());
}

void SubmitStream::OnHalfClose() {
  {
    MutexLock lock(mutex_);
    half_closed_ = true;
  }
  Flush();
}

void SubmitStream::End(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    end_.Update(status);
  }
  Flush();
}

void SubmitStream::Answer(SubmitStreamResponse response, size_t commands) {
  {
    MutexLock lock(mutex_);
    open_ -= commands;
    answers_.push_back(std::move(response));
  }
  Flush();
}

// Sends what there is. One thread does so at a time; another one only leaves word for it.
void SubmitStream::Flush() {
  mutex_.Lock();
  if (flushing_) {
    flush_again_ = true;
    mutex_.Unlock();
    return;
  }
  flushing_ = true;
  do {
    flush_again_ = false;
    SendAnswers();
    // A full stream's OnWritable may have come already: then go on.
  } while (flush_again_);
  flushing_ = false;
  const bool finished = (half_closed_ || !end_.ok()) && open_ == 0 && answers_.empty();
  const bool read_on = MayRead();
  const absl::Status end = end_;
  mutex_.Unlock();
  if (finished) {
    Finish(end);
  } else if (read_on) {
    ReadNext();
  }
}

void SubmitStream::SendAnswers() {
  while (!answers_.empty()) {
    SubmitStreamResponse next = std::move(answers_.front());
    answers_.pop_front();
    mutex_.Unlock();
    const rpc::PushResult result = Push(std::move(next));
    mutex_.Lock();
    if (result == rpc::PushResult::kFull) {
      answers_.push_front(std::move(next));
      return;
    }
    if (result == rpc::PushResult::kClosed) answers_.clear();
  }
}

std::shared_ptr<SubmitStream> SubmitStreams::Open(grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<SubmitStream>(context, path_);
  {
    MutexLock lock(mutex_);
    if (!ended_) {
      std::erase_if(streams_, [](const auto& other) { return other.expired(); });
      streams_.push_back(stream);
      return stream;
    }
  }
  stream->End(absl::UnavailableError("the replica is draining"));
  return stream;
}

void SubmitStreams::End() {
  std::vector<std::weak_ptr<SubmitStream>> streams;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    streams.swap(streams_);
  }
  for (const std::weak_ptr<SubmitStream>& stream : streams) {
    if (const auto open = stream.lock())
      open->End(absl::UnavailableError("the replica is draining"));
  }
}

}  // namespace groat::consensus_service
