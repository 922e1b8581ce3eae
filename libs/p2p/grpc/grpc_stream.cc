#include "p2p/grpc/grpc_stream.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/check.h"

namespace groat::p2p {
namespace {

// Gives gRPC a frame without a copy: the slice owns the vector.
grpc::Slice SliceOf(Bytes frame) {
  auto* owned = new Bytes(std::move(frame));
  return grpc::Slice(
      owned->data(), owned->size(), [](void* user_data) { delete static_cast<Bytes*>(user_data); },
      owned);
}

}  // namespace

class GrpcStream::Handle final : public Connection {
 public:
  explicit Handle(std::shared_ptr<GrpcStream> stream) : stream_(std::move(stream)) {}
  ~Handle() override { stream_->Close(); }
  const PeerId& peer() const override { return stream_->peer_; }
  void Start(ConnectionHandler& handler) override { stream_->Start(handler); }
  void Write(Bytes frame) override { stream_->Write(std::move(frame)); }
  void PauseReading(bool paused) override { stream_->PauseReading(paused); }

 private:
  const std::shared_ptr<GrpcStream> stream_;
};

GrpcStream::GrpcStream(Executor& executor, const PeerId& peer) : executor_(executor), peer_(peer) {}

std::unique_ptr<Connection> GrpcStream::MakeConnection() {
  return std::make_unique<Handle>(shared_from_this());
}

void GrpcStream::Start(ConnectionHandler& handler) {
  GROAT_CHECK(handler_ == nullptr);
  handler_ = &handler;
  ReadNext();
}

void GrpcStream::Close() {
  if (closed_) return;
  closed_ = true;
  handler_ = nullptr;
  CancelCall();
}

// Told once, as the last callback.
void GrpcStream::Fail(const std::string& why) {
  if (closed_) return;
  ConnectionHandler* handler = std::exchange(handler_, nullptr);
  Close();
  if (handler != nullptr) handler->OnClosed(absl::UnavailableError(why));
}

void GrpcStream::ReadNext() {
  reading_ = true;
  StartRead(&incoming_, read_.Begin(*this));
}

void GrpcStream::OnRead(bool ok) {
  reading_ = false;
  if (!ok) {
    OnEnd();
    Fail("the stream has ended");
    return;
  }
  if (closed_) return;
  if (paused_) {
    holding_ = true;
    return;
  }
  HandOn();
}

void GrpcStream::HandOn() {
  const size_t size = incoming_.Length();
  if (size == 0 || size > kMaxFrameBytes) {
    Fail("a frame of a forbidden length");
    return;
  }
  grpc::Slice slice;
  if (!incoming_.TrySingleSlice(&slice).ok() && !incoming_.DumpToSingleSlice(&slice).ok()) {
    Fail("a frame that cannot be read");
    return;
  }
  incoming_.Clear();
  // The handler may close the stream, or pause it.
  handler_->OnFrame(ByteView(slice.begin(), slice.size()));
  if (!closed_ && !paused_ && !reading_ && !holding_) ReadNext();
}

void GrpcStream::Write(Bytes frame) {
  GROAT_CHECK(!frame.empty() && frame.size() <= kMaxFrameBytes) << frame.size();
  const grpc::Slice slice = SliceOf(std::move(frame));
  outgoing_ = grpc::ByteBuffer(&slice, 1);
  StartWrite(outgoing_, write_.Begin(*this));
}

void GrpcStream::OnWrite(bool ok) {
  outgoing_.Clear();
  if (closed_) return;
  if (!ok) {
    Fail("the stream cannot be written to");
    return;
  }
  handler_->OnWritten();
}

void GrpcStream::PauseReading(bool paused) {
  if (paused_ == paused || closed_) return;
  paused_ = paused;
  if (paused || reading_) return;
  // Never inside this call.
  executor_.Post([stream = shared_from_this()] {
    if (stream->closed_ || stream->paused_ || stream->reading_) return;
    if (std::exchange(stream->holding_, false)) {
      stream->HandOn();
    } else {
      stream->ReadNext();
    }
  });
}

}  // namespace groat::p2p
