#include "p2p/grpc/testing/raw_stream.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <chrono>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "p2p/live/peer_certificate.h"

namespace groat::p2p::testing {
namespace {

int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class AnyPeer final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest*,
              std::function<void(grpc::Status)>, grpc::Status* sync_status) override {
    *sync_status = grpc::Status::OK;
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}
};

}  // namespace

RawStream::RawStream(const std::string& address, const Ed25519PrivateKey& key,
                     const RawStreamOptions& options) {
  const auto certificate = MakePeerCertificate(key, {NowSeconds() - 60, NowSeconds() + 600});
  GROAT_CHECK_OK(certificate.status());
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
      *certificate,
      std::vector<grpc::experimental::IdentityKeyCertPair>{{key.ToPem(), *certificate}}));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(false);
  tls.set_check_call_host(false);
  tls.set_certificate_verifier(grpc::experimental::ExternalCertificateVerifier::Create<AnyPeer>());
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetString(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, kPeerCertificateName);
  channel_ = grpc::CreateCustomChannel(absl::StrCat("ipv4:", address),
                                       grpc::experimental::TlsCredentials(tls), arguments);
  if (options.compresses) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  call_ = grpc::GenericStub(channel_).PrepareCall(&context_, options.method, &queue_);
  call_->StartCall(this);
  Await();
}

RawStream::~RawStream() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

// One operation at a time, each of which the deadline of the call ends.
bool RawStream::Await() {
  void* tag = nullptr;
  bool ok = false;
  GROAT_CHECK(queue_.Next(&tag, &ok));
  return ok;
}

bool RawStream::Write(ByteView message) {
  const grpc::Slice slice(message.data(), message.size());
  call_->Write(grpc::ByteBuffer(&slice, 1), this);
  return Await();
}

Bytes RawStream::Read() {
  grpc::ByteBuffer buffer;
  call_->Read(&buffer, this);
  if (!Await()) return {};
  grpc::Slice slice;
  GROAT_CHECK(buffer.DumpToSingleSlice(&slice).ok());
  return Bytes(slice.begin(), slice.end());
}

grpc::Status RawStream::WaitForEnd() {
  while (!Read().empty()) {
  }
  grpc::Status status;
  call_->Finish(&status, this);
  Await();
  return status;
}

}  // namespace groat::p2p::testing
