// The dialling end of one gRPC stream, by a program that keeps none of the mesh's rules.
//
// Blocking, with limits of ten seconds. Not thread-safe. Tests only.
#ifndef GROAT_P2P_GRPC_TESTING_RAW_STREAM_H_
#define GROAT_P2P_GRPC_TESTING_RAW_STREAM_H_

#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <string>

#include "base/bytes.h"
#include "crypto/ed25519.h"

namespace groat::p2p::testing {

struct RawStreamOptions {
  std::string method = "/groat.p2p.v1.Mesh/Connect";
  bool compresses = false;  // Messages, with gzip.
};

class RawStream {
 public:
  // Connects with `key`'s certificate, whoever answers.
  RawStream(const std::string& address, const Ed25519PrivateKey& key,
            const RawStreamOptions& options);
  ~RawStream();
  RawStream(const RawStream&) = delete;
  RawStream& operator=(const RawStream&) = delete;

  // False once the stream is dead.
  bool Write(ByteView message);
  // Reads the first message; empty if the stream ended instead.
  Bytes Read();
  // Waits for the other side to end the stream.
  grpc::Status WaitForEnd();

 private:
  bool Await();

  grpc::CompletionQueue queue_;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace groat::p2p::testing

#endif  // GROAT_P2P_GRPC_TESTING_RAW_STREAM_H_
