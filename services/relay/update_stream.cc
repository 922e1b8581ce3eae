#include "services/relay/update_stream.h"

#include "services/relay/submit_call.h"

namespace groat::relay_service {
namespace {

using relay::v1::StreamUpdatesRequest;
using relay::v1::StreamUpdatesResponse;

StreamUpdatesResponse ToResponse(uint64_t request_id,
                                 absl::StatusOr<relay::v1::SubmitUpdatesResponse> answer) {
  StreamUpdatesResponse response;
  response.set_request_id(request_id);
  if (!answer.ok()) {
    response.set_code(static_cast<uint32_t>(answer.status().code()));
    response.set_message(std::string(answer.status().message()));
    return response;
  }
  *response.mutable_submit() = *std::move(answer);
  if (response.submit().results_size() == 1 &&
      response.submit().results(0).outcome() == relay::v1::UPDATE_OUTCOME_DOUBLE_SPEND) {
    const absl::Status status = DoubleSpendStatus(response.submit());
    response.set_code(static_cast<uint32_t>(status.code()));
    response.set_message(std::string(status.message()));
  }
  return response;
}

}  // namespace

UpdateStream::UpdateStream(grpc::CallbackServerContext* context, const Relay& relay)
    : BoundedBidiStream(context, rpc::StreamLimits{.max_messages = 256, .max_bytes = 16 << 20}),
      relay_(relay) {}

void UpdateStream::OnMessage(StreamUpdatesRequest request) {
  bool read_on;
  {
    MutexLock lock(mutex_);
    ++open_;
    read_on = open_ + answers_.size() < kMaxOpenRequests;
  }
  const absl::Status status =
      BeginSubmit(relay_, request.submit(),
                  [self = shared_from_this(), id = request.request_id()](
                      absl::StatusOr<relay::v1::SubmitUpdatesResponse> answer) {
                    self->Answer(ToResponse(id, std::move(answer)));
                  });
  if (!status.ok()) Answer(ToResponse(request.request_id(), status));
  if (read_on) ReadNext();
}

void UpdateStream::OnHalfClose() {
  {
    MutexLock lock(mutex_);
    half_closed_ = true;
  }
  Flush();
}

void UpdateStream::Answer(StreamUpdatesResponse response) {
  {
    MutexLock lock(mutex_);
    --open_;
    answers_.push_back(std::move(response));
  }
  Flush();
}

// Sends what there is. One thread does so at a time; another one only leaves word for it.
void UpdateStream::Flush() {
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
  const bool finished = half_closed_ && open_ == 0 && answers_.empty();
  const bool room = open_ + answers_.size() < kMaxOpenRequests;
  mutex_.Unlock();
  if (finished) {
    Finish(absl::OkStatus());
  } else if (room) {
    ReadNext();
  }
}

void UpdateStream::SendAnswers() {
  while (!answers_.empty()) {
    StreamUpdatesResponse next = std::move(answers_.front());
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

}  // namespace groat::relay_service
