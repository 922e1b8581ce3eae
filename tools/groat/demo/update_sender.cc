#include "tools/groat/demo/update_sender.h"

#include <utility>

#include "rpc/channel.h"

namespace groat::demo {
namespace {

namespace v1 = relay::v1;
using Clock = std::chrono::steady_clock;

// After the relay said that a queue is full, and before a broken stream is made anew.
constexpr std::chrono::milliseconds kPause{50};
constexpr std::chrono::milliseconds kLook{100};
constexpr std::chrono::hours kStreamLength{24};

bool WorthRepeating(uint32_t code) {
  return code == grpc::StatusCode::RESOURCE_EXHAUSTED || code == grpc::StatusCode::UNAVAILABLE ||
         code == grpc::StatusCode::ABORTED || code == grpc::StatusCode::CANCELLED ||
         code == grpc::StatusCode::DEADLINE_EXCEEDED;
}

}  // namespace

UpdateSender::UpdateSender(std::shared_ptr<grpc::Channel> channel, OnAnswer on_answer)
    : stub_(v1::RelayService::NewStub(std::move(channel))), on_answer_(std::move(on_answer)) {
  thread_ = std::thread([this] { Run(); });
}

UpdateSender::~UpdateSender() {
  {
    MutexLock lock(mutex_);
    quit_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }
  thread_.join();
}

void UpdateSender::Send(Rows rows, v1::SubmitUpdatesRequest submit) {
  auto pending = std::make_shared<Pending>();
  pending->rows = std::move(rows);
  *pending->request.mutable_submit() = std::move(submit);
  MutexLock lock(mutex_);
  pending->request.set_request_id(next_id_);
  unsent_.push_back(next_id_);
  pending_.emplace(next_id_, std::move(pending));
  ++next_id_;
  changed_.NotifyAll();
}

bool UpdateSender::WaitAnswered(std::chrono::milliseconds timeout,
                                const rpc::Cancellation& cancellation) {
  const Clock::time_point deadline = Clock::now() + timeout;
  MutexLock lock(mutex_);
  while (!pending_.empty()) {
    if (Clock::now() >= deadline || cancellation.cancelled()) return false;
    changed_.WaitUntil(mutex_, std::min(deadline, Clock::now() + kLook));
  }
  return true;
}

uint32_t UpdateSender::reconnects() const {
  MutexLock lock(mutex_);
  return reconnects_;
}

void UpdateSender::Run() {
  for (;;) {
    rpc::CallContext context(kStreamLength);
    context.set_wait_for_ready(true);
    {
      MutexLock lock(mutex_);
      if (quit_) return;
      context_ = &context;
      broken_ = false;
      unsent_.clear();
      for (const auto& [id, pending] : pending_) unsent_.push_back(id);
    }
    const std::unique_ptr<Stream> stream = stub_->StreamUpdates(&context);
    std::thread reader([this, &stream] { ReadAll(*stream); });
    WriteAll(*stream);
    context.TryCancel();
    reader.join();
    stream->Finish();
    MutexLock lock(mutex_);
    context_ = nullptr;
    if (quit_) return;
    ++reconnects_;
    const Clock::time_point until = Clock::now() + kPause;
    while (!quit_ && changed_.WaitUntil(mutex_, until)) {
    }
  }
}

void UpdateSender::WriteAll(Stream& stream) {
  for (;;) {
    std::shared_ptr<const Pending> next;
    bool more = false;
    {
      MutexLock lock(mutex_);
      while (!quit_ && !broken_ && (unsent_.empty() || Clock::now() < pause_until_)) {
        if (unsent_.empty()) {
          changed_.Wait(mutex_);
        } else {
          changed_.WaitUntil(mutex_, pause_until_);
        }
      }
      if (quit_ || broken_) return;
      const auto found = pending_.find(unsent_.front());
      unsent_.pop_front();
      if (found == pending_.end()) continue;
      next = found->second;
      more = !unsent_.empty();
    }
    grpc::WriteOptions options;
    if (more) options.set_buffer_hint();
    if (!stream.Write(next->request, options)) return;
  }
}

void UpdateSender::ReadAll(Stream& stream) {
  v1::StreamUpdatesResponse response;
  while (stream.Read(&response)) TakeAnswer(response);
  MutexLock lock(mutex_);
  broken_ = true;
  changed_.NotifyAll();
}

void UpdateSender::TakeAnswer(const v1::StreamUpdatesResponse& response) {
  std::shared_ptr<const Pending> answered;
  {
    MutexLock lock(mutex_);
    const auto found = pending_.find(response.request_id());
    if (found == pending_.end()) return;
    if (WorthRepeating(response.code())) {
      unsent_.push_back(response.request_id());
      pause_until_ = Clock::now() + kPause;
      changed_.NotifyAll();
      return;
    }
    answered = found->second;
  }
  on_answer_(answered->rows, response);
  MutexLock lock(mutex_);
  pending_.erase(response.request_id());
  changed_.NotifyAll();
}

}  // namespace groat::demo
