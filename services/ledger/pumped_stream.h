// A server stream that follows the node's state: pulled forward by one task at a time.
//
// Schedule() may be called from any thread and any number of times; PumpSome runs on the node's
// pool, never twice at once, and at least once after every Schedule.
#ifndef GROAT_SERVICES_LEDGER_PUMPED_STREAM_H_
#define GROAT_SERVICES_LEDGER_PUMPED_STREAM_H_

#include <memory>
#include <utility>

#include "rpc/write_stream.h"
#include "services/ledger/task_pool.h"

namespace groat::ledger_service {

template <class Response>
class PumpedStream : public rpc::BoundedWriteStream<Response> {
  using Base = rpc::BoundedWriteStream<Response>;

 public:
  PumpedStream(grpc::CallbackServerContext* context, TaskPool& pool)
      : Base(context, rpc::StreamLimits{}), pool_(pool) {}

  // Once, before any Schedule.
  void KeepReference(std::weak_ptr<PumpedStream> self) { weak_self_ = std::move(self); }

  void Schedule() {
    const std::shared_ptr<PumpedStream> self = weak_self_.lock();
    if (self == nullptr || this->closed()) return;
    {
      MutexLock lock(mutex_);
      if (std::exchange(pumping_, true)) {
        again_ = true;
        return;
      }
    }
    if (!pool_.TryPost([self] { self->Pump(); })) {
      this->Abort(absl::ResourceExhaustedError("too many reads wait"));
    }
  }

 protected:
  // Pushes what there is, until there is nothing more or a Push did not take it.
  virtual void PumpSome() = 0;

 private:
  void OnWritable() final { Schedule(); }

  void Pump() {
    while (true) {
      PumpSome();
      MutexLock lock(mutex_);
      if (std::exchange(again_, false) && !this->closed()) continue;
      pumping_ = false;
      return;
    }
  }

  TaskPool& pool_;
  std::weak_ptr<PumpedStream> weak_self_;
  Mutex mutex_;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::ledger_service

#endif  // GROAT_SERVICES_LEDGER_PUMPED_STREAM_H_
