// A bidirectional call: messages are read one at a time, at the handler's pace, and sent from any
// thread through a bounded queue.
//
//   class Session : public BoundedBidiStream<ClientMessage, ServerMessage> {
//     void OnMessage(ClientMessage message) override { ...; ReadNext(); }
//   };
//
// Lifetime, sending and ending are those of write_stream.h.
#ifndef GROAT_RPC_BIDI_STREAM_H_
#define GROAT_RPC_BIDI_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>

#include "base/mutex.h"
#include "rpc/write_stream.h"

namespace groat::rpc {

template <class Request, class Response>
class BoundedBidiStream
    : public BoundedStream<grpc::ServerBidiReactor<Request, Response>, Response> {
  using Base = BoundedStream<grpc::ServerBidiReactor<Request, Response>, Response>;

 public:
  using Base::Base;
  using typename Base::Reactor;

  // Asks for the next message. Any thread; no effect while one is being read or after the last
  // one. Until it is called the client can send no more than the stream's window: back-pressure.
  void ReadNext() {
    {
      MutexLock lock(mutex_);
      if (state_ == ReadState::kDelivering) read_wanted_ = true;
      if (state_ != ReadState::kIdle) return;
      state_ = ReadState::kReading;
    }
    BeginRead();
  }

 protected:
  // One message; the first one is read without being asked for. Never runs twice at once, and not
  // after Finish or Abort. Must not block; ReadNext inside it takes effect when it returns.
  virtual void OnMessage(Request message) = 0;
  // The client will send no more, and waits for what is still to come.
  virtual void OnHalfClose() { this->Finish(absl::OkStatus()); }

 private:
  enum class ReadState { kIdle, kReading, kDelivering, kEnded };
  template <class Stream>
  friend typename Stream::Reactor* StartStream(std::shared_ptr<Stream> stream);

  Reactor* Start(std::shared_ptr<Base> self) {
    ReadNext();
    return Base::Start(std::move(self));
  }

  // The hold keeps another thread from finishing the call, which would free what StartRead uses.
  void BeginRead() {
    if (!this->queue_.Hold()) return;
    this->StartRead(&incoming_);
    this->Do(this->queue_.Release());
  }

  void OnReadDone(bool ok) final {
    TsanAcquire(this);
    {
      MutexLock lock(mutex_);
      state_ = ok ? ReadState::kDelivering : ReadState::kEnded;
      read_wanted_ = false;
    }
    if (ok) {
      Deliver();
    } else if (this->context_->IsCancelled()) {
      this->Cancelled();
    } else if (!this->closed()) {
      OnHalfClose();
    }
    TsanRelease(this);
  }

  void Deliver() {
    if (!this->closed()) OnMessage(std::move(incoming_));
    {
      MutexLock lock(mutex_);
      state_ = read_wanted_ ? ReadState::kReading : ReadState::kIdle;
      if (!read_wanted_) return;
    }
    BeginRead();
  }

  Request incoming_;  // Belongs to gRPC while reading.
  Mutex mutex_;
  ReadState state_ ABSL_GUARDED_BY(mutex_) = ReadState::kIdle;
  bool read_wanted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace groat::rpc

#endif  // GROAT_RPC_BIDI_STREAM_H_
