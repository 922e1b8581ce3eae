#include "p2p/grpc/grpc_transport.h"

#include <arpa/inet.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "crypto/key_file.h"
#include "p2p/grpc/completion_executor.h"
#include "p2p/grpc/connection_acceptor.h"
#include "p2p/grpc/grpc_stream.h"
#include "p2p/live/peer_certificate.h"
#include "p2p/peer_record.h"

namespace groat::p2p {
namespace {

constexpr char kMethod[] = "/groat.p2p.v1.Mesh/Connect";
// By this the listener says that it took the stream.
constexpr char kAcceptedKey[] = "groat-mesh";
constexpr char kAcceptedValue[] = "1";
// Calls that wait for a dialler, so that one that comes need not wait for the executor.
constexpr size_t kAcceptSlots = 8;
constexpr std::chrono::seconds kServerGrace{2};

int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What gRPC is to connect to. A numeric address is said to be one, or a resolver would be asked.
std::string TargetOf(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  if (host.front() == '[') return absl::StrCat("ipv6:", address);
  in_addr numeric;
  if (inet_pton(AF_INET, host.c_str(), &numeric) == 1) return absl::StrCat("ipv4:", address);
  return absl::StrCat("dns:///", address);
}

int ToMs(Duration duration) {
  return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

// Checks a certificate during the handshake, on whatever thread that runs.
class PeerVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  // OK, or why not.
  using Check = std::function<absl::Status(const PeerId&)>;
  explicit PeerVerifier(Check check) : check_(std::move(check)) {}

  bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)>, grpc::Status* sync_status) override {
    const grpc::string_ref pem = request->peer_cert();
    const absl::StatusOr<PeerId> peer =
        ReadPeerCertificate(std::string_view(pem.data(), pem.size()), NowSeconds());
    const absl::Status verdict = peer.ok() ? check_(*peer) : peer.status();
    *sync_status = verdict.ok() ? grpc::Status::OK
                                : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                               std::string(verdict.message()));
    return true;
  }
  void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

 private:
  const Check check_;
};

// What both sides set: no pings, probes or features beyond plain streams, bounded windows.
template <typename Set>
void SetStreamArguments(const Set& set) {
  set(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  set(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, static_cast<int>(kStreamWindowBytes));
  set(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, static_cast<int>(kMaxFrameBytes));
  set(GRPC_ARG_MAX_METADATA_SIZE, 4096);
  set(GRPC_ARG_ENABLE_CHANNELZ, 0);
  set(GRPC_ARG_ENABLE_CENSUS, 0);
  set(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  // A message compressed by gRPC would be inflated before its length is known. It is not, and a
  // stream that announces any compression is refused.
  set(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  set(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  set(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  set(GRPC_ARG_KEEPALIVE_TIME_MS, std::numeric_limits<int>::max());
}

struct ServerCall {
  grpc::GenericServerContext context;
  grpc::GenericServerAsyncReaderWriter stream{&context};
};

class ServerStream final : public GrpcStream {
 public:
  ServerStream(Executor& executor, const PeerId& peer, std::unique_ptr<ServerCall> call,
               std::unique_ptr<AcceptedConnection> connection, const Transport::OnAccept& on_accept)
      : GrpcStream(executor, peer),
        call_(std::move(call)),
        connection_(std::move(connection)),
        on_accept_(on_accept) {}

  void Begin() {
    call_->context.AddInitialMetadata(kAcceptedKey, kAcceptedValue);
    call_->stream.SendInitialMetadata(accepted_.Begin(*this));
  }

 private:
  void OnAccepted(bool ok) {
    if (ok && on_accept_) {
      on_accept_(MakeConnection());
    } else {
      Close();
    }
  }
  void StartRead(grpc::ByteBuffer* buffer, void* tag) override { call_->stream.Read(buffer, tag); }
  void StartWrite(const grpc::ByteBuffer& buffer, void* tag) override {
    call_->stream.Write(buffer, tag);
  }
  void CancelCall() override {
    call_->context.TryCancel();
    connection_.reset();
  }

  const std::unique_ptr<ServerCall> call_;
  std::unique_ptr<AcceptedConnection> connection_;
  const Transport::OnAccept&
      on_accept_;  // The transport's, which outlives its streams' operations.
  Operation accepted_{static_cast<Operation::Handler>(&ServerStream::OnAccepted)};
};

}  // namespace

// A dial, and the stream that comes of it.
class DialledStream final : public GrpcStream {
 public:
  DialledStream(CompletionExecutor& executor, const PeerId& peer, Transport::OnDialled done)
      : GrpcStream(executor, peer), executor_(executor), done_(std::move(done)) {}

  // What the handshake made of the listener's certificate.
  enum class Judgement : uint8_t { kNone, kAccepted, kRefused };
  const std::shared_ptr<std::atomic<Judgement>>& judgement() const { return judgement_; }

  void Begin(std::shared_ptr<grpc::Channel> channel, Duration timeout,
             std::function<void(DialledStream*)> on_end) {
    on_end_ = std::move(on_end);
    channel_ = std::move(channel);
    timer_ = executor_.PostAfter(timeout, [this] {
      timer_ = 0;
      End(absl::DeadlineExceededError("no connection in time"));
    });
    call_ =
        grpc::GenericStub(channel_).PrepareCall(&context_, kMethod, &executor_.completion_queue());
    call_->StartCall(started_.Begin(*this));
  }
  // No callback follows.
  void Abandon() {
    done_ = nullptr;
    End(absl::CancelledError("abandoned"));
  }

 private:
  void OnStarted(bool ok) {
    if (ended_) return;
    if (ok) {
      call_->ReadInitialMetadata(greeted_.Begin(*this));
    } else {
      call_->Finish(&status_, finished_.Begin(*this));
    }
  }
  void OnGreeted(bool ok) {
    if (ended_) return;
    if (ok && context_.GetServerInitialMetadata().contains(kAcceptedKey)) {
      End(absl::OkStatus());
      return;
    }
    call_->Finish(&status_, finished_.Begin(*this));
  }
  void OnFinished(bool) {
    if (ended_) return;
    const Judgement judgement = *judgement_;
    if (judgement == Judgement::kRefused) {
      End(absl::UnauthenticatedError("somebody else answers there"));
    } else if (judgement == Judgement::kAccepted) {
      // We proved our key, and they did not take the stream; that they ended just then is rare.
      End(absl::UnauthenticatedError("the listener refused us"));
    } else {
      End(absl::UnavailableError(status_.error_message()));
    }
  }
  // The dial is over.
  void End(const absl::Status& status) {
    if (ended_) return;
    ended_ = true;
    if (timer_ != 0) executor_.Cancel(std::exchange(timer_, 0));
    on_end_(this);
    Transport::OnDialled done = std::exchange(done_, nullptr);
    if (!status.ok()) Close();
    if (!done) return;
    if (status.ok()) {
      done(MakeConnection());
    } else {
      done(status);
    }
  }

  void StartRead(grpc::ByteBuffer* buffer, void* tag) override { call_->Read(buffer, tag); }
  void StartWrite(const grpc::ByteBuffer& buffer, void* tag) override { call_->Write(buffer, tag); }
  void CancelCall() override { context_.TryCancel(); }

  CompletionExecutor& executor_;
  Transport::OnDialled done_;
  const std::shared_ptr<std::atomic<Judgement>> judgement_ =
      std::make_shared<std::atomic<Judgement>>(Judgement::kNone);
  std::function<void(DialledStream*)> on_end_;
  TimerId timer_ = 0;
  bool ended_ = false;
  std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::Status status_;
  Operation started_{static_cast<Operation::Handler>(&DialledStream::OnStarted)};
  Operation greeted_{static_cast<Operation::Handler>(&DialledStream::OnGreeted)};
  Operation finished_{static_cast<Operation::Handler>(&DialledStream::OnFinished)};
};

class GrpcTransport::Impl {
 public:
  Impl(const LiveTransportOptions& options, std::string certificate_pem, SecretText key_pem)
      : options_(options),
        executor_(builder_.AddCompletionQueue(), options.name, options.threads),
        certificates_(std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
            certificate_pem, std::vector<grpc::experimental::IdentityKeyCertPair>{
                                 {std::string(key_pem.view()), certificate_pem}})) {}

  CompletionExecutor& executor() { return executor_; }
  uint64_t cut_off_connections() const {
    const ConnectionAcceptor* acceptor = listening_.load(std::memory_order_acquire);
    return acceptor == nullptr ? 0 : acceptor->cut_off();
  }
  uint64_t refused_connections() const {
    const ConnectionAcceptor* acceptor = listening_.load(std::memory_order_acquire);
    return acceptor == nullptr ? 0 : acceptor->refused();
  }

  absl::StatusOr<std::string> Listen(const std::string& address, Admission admission,
                                     OnAccept on_accept);
  void Dial(const std::string& address, const PeerId& expected, Duration timeout, OnDialled done);
  void Shutdown();
  void StopServer();

 private:
  // Waits for one dialler's stream.
  class AcceptSlot final : public Completion {
   public:
    explicit AcceptSlot(Impl& transport) : transport_(transport) {}
    void Wait();
    void OnComplete(bool ok) override;

   private:
    Impl& transport_;
    std::unique_ptr<ServerCall> call_;
  };

  grpc::ChannelArguments DialArguments(Duration timeout) const;

  const LiveTransportOptions options_;
  grpc::ServerBuilder builder_;
  CompletionExecutor executor_;
  const std::shared_ptr<grpc::experimental::CertificateProviderInterface> certificates_;
  grpc::AsyncGenericService service_;
  OnAccept on_accept_;  // Null once shut down.
  std::vector<std::unique_ptr<AcceptSlot>> slots_;
  std::set<DialledStream*> dials_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ConnectionAcceptor> acceptor_;                // Hands over to the server.
  std::atomic<const ConnectionAcceptor*> listening_ = nullptr;  // The same, for other threads.
};

void GrpcTransport::Impl::AcceptSlot::Wait() {
  call_ = std::make_unique<ServerCall>();
  auto* queue = static_cast<grpc::ServerCompletionQueue*>(&transport_.executor_.completion_queue());
  transport_.service_.RequestCall(&call_->context, &call_->stream, queue, queue,
                                  static_cast<Completion*>(this));
}

void GrpcTransport::Impl::AcceptSlot::OnComplete(bool ok) {
  std::unique_ptr<ServerCall> call = std::exchange(call_, nullptr);
  if (!ok) return;  // The server stops.
  if (!transport_.on_accept_) {
    // Shut down: the queue may take no further call.
    call->context.TryCancel();
    return;
  }
  Wait();
  const auto pems =
      call->context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  absl::StatusOr<PeerId> peer = absl::UnauthenticatedError("no certificate");
  if (pems.size() == 1) {
    peer = ReadPeerCertificate(std::string_view(pems[0].data(), pems[0].size()), NowSeconds());
  }
  std::unique_ptr<AcceptedConnection> connection = transport_.acceptor_->Take(call->context.peer());
  if (!peer.ok() || call->context.method() != kMethod || connection == nullptr) {
    call->context.TryCancel();
    return;
  }
  std::make_shared<ServerStream>(transport_.executor_, *peer, std::move(call),
                                 std::move(connection), transport_.on_accept_)
      ->Begin();
}

absl::StatusOr<std::string> GrpcTransport::Impl::Listen(const std::string& address,
                                                        Admission admission, OnAccept on_accept) {
  GROAT_CHECK(server_ == nullptr);
  GROAT_RETURN_IF_ERROR(CheckAddress(address, /*allow_port_0=*/true));
  grpc::experimental::TlsServerCredentialsOptions tls(certificates_);
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_BUT_DONT_VERIFY);
  tls.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<PeerVerifier>(
          [admission = std::move(admission)](const PeerId& peer) {
            return admission(peer) ? absl::OkStatus()
                                   : absl::UnauthenticatedError("not an authorized peer");
          }));
  GROAT_ASSIGN_OR_RETURN(
      acceptor_,
      ConnectionAcceptor::Listen(address, {.thread_name = absl::StrCat(options_.name, "-accept"),
                                           .max_pending = options_.max_handshakes_at_once,
                                           .patience = std::chrono::ceil<std::chrono::milliseconds>(
                                               options_.handshake_timeout),
                                           .rates = options_.handshakes}));
  on_accept_ = std::move(on_accept);
  std::shared_ptr<grpc::experimental::ExternalConnectionAcceptor> connections =
      builder_.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
          grpc::experimental::TlsServerCredentials(tls));
  builder_.RegisterAsyncGenericService(&service_);
  SetStreamArguments(
      [this](const char* name, int value) { builder_.AddChannelArgument(name, value); });
  // One connection carries one stream.
  builder_.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1);
  builder_.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              ToMs(options_.handshake_timeout));
  server_ = builder_.BuildAndStart();
  GROAT_CHECK(server_ != nullptr);
  for (size_t i = 0; i < kAcceptSlots; ++i) {
    slots_.push_back(std::make_unique<AcceptSlot>(*this));
    slots_.back()->Wait();
  }
  listening_ = acceptor_.get();
  acceptor_->Start([connections](int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    connections->HandleNewConnection(&connection);
  });
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", acceptor_->port());
}

grpc::ChannelArguments GrpcTransport::Impl::DialArguments(Duration timeout) const {
  grpc::ChannelArguments arguments;
  SetStreamArguments([&](const char* name, int value) { arguments.SetInt(name, value); });
  arguments.SetString(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, kPeerCertificateName);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Despite its name the time that one attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, ToMs(timeout));
  return arguments;
}

void GrpcTransport::Impl::Dial(const std::string& address, const PeerId& expected, Duration timeout,
                               OnDialled done) {
  auto stream = std::make_shared<DialledStream>(executor_, expected, std::move(done));
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(certificates_);
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(false);
  tls.set_check_call_host(false);
  tls.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<PeerVerifier>(
          [expected, judgement = stream->judgement()](const PeerId& peer) {
            *judgement = peer == expected ? DialledStream::Judgement::kAccepted
                                          : DialledStream::Judgement::kRefused;
            if (peer == expected) return absl::OkStatus();
            return absl::UnauthenticatedError(
                absl::StrCat("peer is ", ShortName(peer), ", want ", ShortName(expected)));
          }));
  dials_.insert(stream.get());
  stream->Begin(
      grpc::CreateCustomChannel(TargetOf(address), grpc::experimental::TlsCredentials(tls),
                                DialArguments(timeout)),
      timeout, [this](DialledStream* ended) { dials_.erase(ended); });
}

void GrpcTransport::Impl::Shutdown() {
  on_accept_ = nullptr;
  if (acceptor_ != nullptr) acceptor_->Stop();
  while (!dials_.empty()) (*dials_.begin())->Abandon();
}

void GrpcTransport::Impl::StopServer() {
  if (server_ == nullptr) return;
  acceptor_->Stop();
  server_->Shutdown(std::chrono::system_clock::now() + kServerGrace);
}

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Make(
    const LiveTransportOptions& options, const Ed25519PrivateKey& key) {
  if (options.threads < 1 || options.threads > 8) {
    return absl::InvalidArgumentError(
        absl::StrCat("network threads is ", options.threads, ", want 1 to 8"));
  }
  // The packaged Abseil searches for lock cycles at every lock, also in gRPC.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  GROAT_ASSIGN_OR_RETURN(std::string certificate, MakePeerCertificate(key, options.validity));
  return std::unique_ptr<GrpcTransport>(new GrpcTransport(
      std::make_unique<Impl>(options, std::move(certificate), SecretText(key.ToPem()))));
}

GrpcTransport::GrpcTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcTransport::~GrpcTransport() = default;

ThreadedExecutor& GrpcTransport::executor() { return impl_->executor(); }
uint64_t GrpcTransport::cut_off_connections() const { return impl_->cut_off_connections(); }
uint64_t GrpcTransport::refused_connections() const { return impl_->refused_connections(); }
absl::StatusOr<std::string> GrpcTransport::Listen(const std::string& address, Admission admission,
                                                  OnAccept on_accept) {
  return impl_->Listen(address, std::move(admission), std::move(on_accept));
}
void GrpcTransport::Dial(const std::string& address, const PeerId& expected, Duration timeout,
                         OnDialled done) {
  impl_->Dial(address, expected, timeout, std::move(done));
}
void GrpcTransport::Shutdown() { impl_->Shutdown(); }
void GrpcTransport::StopServer() { impl_->StopServer(); }

}  // namespace groat::p2p
