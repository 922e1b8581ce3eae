// One bidirectional stream of raw messages on a completion queue: the state behind a Connection.
//
// The mesh owns a handle (the Connection); the stream lives until gRPC has given back every
// operation. At most one read and one write are under way. Belongs to the executor.
//
//   operation   begins                       next
//   read        Start, each frame handed on  read again, unless paused; ended: closed
//   write       Write                        OnWritten; ended: closed
//   end         closed by either side        cancel, then gRPC gives back the rest
#ifndef GROAT_P2P_GRPC_GRPC_STREAM_H_
#define GROAT_P2P_GRPC_GRPC_STREAM_H_

#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "p2p/grpc/completion_executor.h"
#include "p2p/transport.h"

namespace groat::p2p {

class GrpcStream : public std::enable_shared_from_this<GrpcStream> {
 public:
  GrpcStream(Executor& executor, const PeerId& peer);
  virtual ~GrpcStream() = default;
  GrpcStream(const GrpcStream&) = delete;
  GrpcStream& operator=(const GrpcStream&) = delete;

  // The handle to give to the mesh. Once.
  std::unique_ptr<Connection> MakeConnection();
  const PeerId& peer() const { return peer_; }
  // No further callback; gRPC is told to end the call.
  void Close();

 protected:
  // Holds the stream while an operation is under way.
  class Operation final : public Completion {
   public:
    using Handler = void (GrpcStream::*)(bool ok);
    explicit Operation(Handler handler) : handler_(handler) {}
    // Gives the tag for one operation.
    void* Begin(GrpcStream& stream) {
      stream_ = stream.shared_from_this();
      return static_cast<Completion*>(this);
    }
    void OnComplete(bool ok) override {
      const std::shared_ptr<GrpcStream> stream = std::move(stream_);
      (stream.get()->*handler_)(ok);
    }

   private:
    const Handler handler_;
    std::shared_ptr<GrpcStream> stream_;
  };

  virtual void StartRead(grpc::ByteBuffer* buffer, void* tag) = 0;
  virtual void StartWrite(const grpc::ByteBuffer& buffer, void* tag) = 0;
  virtual void CancelCall() = 0;
  // The stream has ended: nothing more will be read.
  virtual void OnEnd() {}

 private:
  class Handle;
  void Start(ConnectionHandler& handler);
  void Write(Bytes frame);
  void PauseReading(bool paused);
  void ReadNext();
  void OnRead(bool ok);
  void OnWrite(bool ok);
  void HandOn();
  void Fail(const std::string& why);

  Executor& executor_;
  const PeerId peer_;
  ConnectionHandler* handler_ = nullptr;
  bool closed_ = false;
  bool paused_ = false;
  bool reading_ = false;
  bool holding_ = false;  // A frame was read while paused.
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;
  Operation read_{&GrpcStream::OnRead};
  Operation write_{&GrpcStream::OnWrite};
};

}  // namespace groat::p2p

#endif  // GROAT_P2P_GRPC_GRPC_STREAM_H_
